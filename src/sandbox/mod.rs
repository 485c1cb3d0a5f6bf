//! Throw-away hosts with real systemd and sshd on this machine.
