//! One input is one transaction.
