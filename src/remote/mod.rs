//! One host's dialect: questions and steps as one POSIX-sh script, and its framed answer.
