//! Scenarios of the consent machine.
