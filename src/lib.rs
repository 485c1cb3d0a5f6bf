//! unitfleet: a declarative fleet reconciler for systemd services.
//!
//! The binary is the stable surface; this library is its inside, documented for those who work on it.
//!
//! # The way of the data
//!
//! ```text
//! inventory + playbook ──load──► Manifest ──compile (+render)──► Desired ─┐
//!                                                                         ├─plan─► HostPlan ──report──► text, JSON
//! host ◄── ssh ── gather (one script) ──parse──► Observed ────────────────┘           │
//! host ◄── ssh ── transaction (one script, steps as data) ◄──────apply────────────────┘
//!                         └─► Event… ─► progress;  RunReport ─► report, exit code
//! ```
//!
//! It flows one way. The middle is pure: what a playbook means, and what has to be done, are functions of their
//! arguments; every effect stands at an edge.
//!
//! # The map
//!
//! A room imports only from lower layers, but for `apply`, which uses `observe`, and `compile`, which uses `lint`; a test
//! checks it.
//!
//! | layer | room | what lives there |
//! |---|---|---|
//! | 0 | [`model`] | the nouns: plain data, imports nothing |
//! | 1 | [`unitfile`] | systemd's language: unit files, quoting, effective configuration, `[Install]` as links |
//! | 1 | [`load`] | what users write → checked types with positions: inventory, playbook, selectors |
//! | 1 | [`render`] | templates, strict and bounded; the built-in ones |
//! | 1 | [`secrets`] | fetches secrets from programs, files and the environment |
//! | 1 | [`transport`] | bytes to and from a host: OpenSSH, or this machine |
//! | 1 | [`report`] | model → bytes; the only place that prints, beside the command line |
//! | 2 | [`compile`] | manifests + inventory + templates → what each host shall look like |
//! | 2 | [`plan`](mod@plan) | (desired, observed) → plan; pure and total |
//! | 2 | [`lint`] | rules over the texts of units; [`compile`] says where in the playbook they strike |
//! | 2 | [`remote`] | one host's dialect: questions and steps ↔ one POSIX-sh script; the only place with shell text |
//! | 2 | [`starter`] | what a project begins with: a small one, or the unit files that a host has |
//! | 3 | [`observe`] | asks all hosts |
//! | 3 | [`apply`] | runs plans, and proves them by observing again |
//! | 3 | [`sandbox`] | throw-away hosts with real systemd and sshd |
//! | 4 | [`cli`] | clap, environment, terminal, exit codes; a file per verb |
//!
//! Traits: [`transport::Transport`] with its session, and [`report::Reporter`]. Kinds of things are enums with
//! exhaustive matches: to add an action, add a variant to [`model::Action`] and follow the compiler.
//!
//! # The laws
//!
//! Each is held by the test of its name.
//!
//! 1. Planning does no I/O and is a function of its arguments; the same inputs give the same bytes
//!    (test: `law_01_planning_is_a_function_of_its_arguments`).
//! 2. Reading verbs change nothing on a host; the gather script is one fixed text that works for an unprivileged user
//!    (test: `law_02_reading_verbs_change_nothing_on_a_host`).
//! 3. After a successful apply, planning again finds no steps; the apply itself proves it
//!    (test: `law_03_a_second_plan_finds_no_steps`).
//! 4. Apply runs the steps that were printed, in that order; one found fulfilled is skipped and says so
//!    (test: `law_04_apply_runs_the_printed_steps_in_order`).
//! 5. Every step has a reason that a person can read; nothing restarts without one
//!    (test: `law_05_every_step_has_a_reason`).
//! 7. A service that runs with older configuration than its files is itself a difference; a lost restart is never lost
//!    (test: `law_07_a_lost_restart_is_never_lost`).
//! 8. What we did not install, we never remove; what an admin masked or put on hold, we never start
//!    (test: `law_08_what_is_not_ours_stays`).
//! 9. Unknown is not absent: what could not be observed is never created, deleted or called unchanged
//!    (test: `law_09_unknown_is_not_absent`).
//! 10. A secret appears in no log, diff, plan file, argument, or file that others can read
//!     (test: `law_10_a_secret_is_seen_nowhere`).
//! 11. One host's fault changes no other host's outcome; every host has an outcome in the report
//!     (test: `law_11_one_hosts_fault_is_its_own`).
//!
//! Law 6 (old state or new state, whatever dies in between) gets its number when its test stands.
//!
//! # The words
//!
//! inventory, host, group, selector · playbook, manifest (one document of it), owner (the manifest that installed a
//! thing), unit, drop-in, directive · desired, observed · change (what differs) with its reason · step (what to do) ·
//! finding (seen, not ours to change) · refusal (why a host must not be applied to) · plan · wave · gate (every unit
//! must load before anything is stopped) · run (one apply; has an id) · event, outcome, report · ledger (what we
//! installed on a host) · drift · hold · adopt (what a hand made becomes ours) · tag. Unit fields keep systemd's own spelling in `snake_case`: `active_state`.

pub mod apply;
pub mod cli;
pub mod compile;
pub mod lint;
pub mod load;
pub mod model;
pub mod observe;
pub mod plan;
pub mod remote;
pub mod render;
pub mod report;
pub mod sandbox;
pub mod secrets;
pub mod starter;
pub mod transport;
pub mod unitfile;
