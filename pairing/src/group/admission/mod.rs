//! How one becomes a member: tickets, join statements, the welcome.
