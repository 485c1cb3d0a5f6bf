//! The nouns: plain data that every other room speaks in.
//!
//! Nothing here does I/O, reads a clock or knows how a thing is shown; nothing here imports another
//! room. One word per thing: the glossary stands in the crate's documentation.

mod bytes;
mod connection;
mod desired;
mod diagnostic;
mod ledger;
mod names;
mod observed;
mod plan;
mod run;
mod secret;

pub use bytes::{Bytes, Digest, Secrecy};
pub use connection::{ConnectionKind, Target, Vars};
pub use desired::{
    Claim, Desired, DesiredDirectory, DesiredFile, DesiredSymlink, DesiredUnit, DesiredUser, DirectorySpec, FileSpec,
    Hold, Instances, OnChange, Place, PrimaryGroup, RunState, Until, UserSpec, Wanted,
};
pub use diagnostic::{Diagnostic, Label, Severity, SourceFile};
pub use ledger::{Ledger, LedgerEntry};
pub use names::{
    AbsPath, CREDENTIALS_DIR, HostName, ManifestName, NameError, UNIT_DIR, UnitKind, UnitName, UserName, quoted,
};
pub use observed::{
    Account, ActiveState, FileMeta, GroupEntry, HostFacts, Lock, MachineFacts, Observation, Observed, ObservedPath,
    ObservedUnit, OthersBelow, Started,
};
pub use plan::{
    Action, Change, ChangeKind, Content, Finding, FindingKind, HostPlan, Plan, Reason, ReasonKind, Refusal,
    SECRET_INPUTS, Step,
};
pub use run::{Event, HostReport, Outcome, RunReport, StepOutcome, StepStatus, UnitFailure};
pub use secret::{SecretSource, SecretValue, Secrets};
