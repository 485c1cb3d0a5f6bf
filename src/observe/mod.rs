//! Asks all hosts: connect, one gather, parse. Makes no decisions.
//!
//! A host's trouble is data, never an error of the run: it becomes the host's outcome.

mod request;

pub use request::request;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::model::{Event, HostName, Observed, Outcome, Target};
use crate::remote::{self, FrameError, GatherError, GatherRequest};
use crate::transport::{Exec, Session, Transport, TransportError, TransportErrorKind};

/// Where events go. Nobody has to listen.
pub type Events = mpsc::UnboundedSender<Event>;

/// What every piece of work on a host needs.
#[derive(Clone)]
pub struct Context {
    /// Reaches hosts.
    pub transport: Arc<dyn Transport>,
    /// How many hosts are worked on at the same time.
    pub jobs: usize,
    /// How long one gather may take.
    pub gather_timeout: Duration,
    /// Takes what happens.
    pub events: Events,
}

impl Context {
    /// Tells that a phase of a host's work begins.
    pub fn phase(&self, host: &HostName, phase: &str) {
        // Nobody listening is fine.
        drop(self.events.send(Event::HostPhase { host: host.clone(), phase: phase.to_owned() }));
    }
}

/// A host that was reached and asked.
pub struct Gathered {
    /// The open session, for what follows.
    pub session: Box<dyn Session>,
    /// What was seen.
    pub observed: Observed,
    /// `sudo -n` was refused, in ssh's or sudo's words: the gather ran as the login user.
    pub unprivileged: Option<TransportError>,
}

/// Reaches a host and asks it.
///
/// # Errors
/// The host's outcome, when it could not be reached or asked.
pub async fn gather(context: &Context, target: &Target, request: &GatherRequest) -> Result<Gathered, Outcome> {
    context.phase(&target.host, "connect");
    let session = context.transport.connect(target).await.map_err(|error| outcome_of(&error))?;
    context.phase(&target.host, "gather");
    let (observed, unprivileged) = match ask(context, target, request, session.as_ref(), target.become_root).await {
        Err(AskError::Transport(error)) if error.kind == TransportErrorKind::Privilege => {
            (ask(context, target, request, session.as_ref(), false).await.map_err(AskError::outcome)?, Some(error))
        }
        other => (other.map_err(AskError::outcome)?, None),
    };
    Ok(Gathered { session, observed, unprivileged })
}

/// Asks a host again over a session that is open.
///
/// # Errors
/// The host's outcome, when it could not be asked.
pub async fn gather_again(
    context: &Context,
    target: &Target,
    request: &GatherRequest,
    session: &dyn Session,
) -> Result<Observed, Outcome> {
    ask(context, target, request, session, target.become_root).await.map_err(AskError::outcome)
}

/// Asks a host again over the session that the first answer came by, with the privilege that it had.
///
/// # Errors
/// The host's outcome, when it could not be asked.
pub async fn gather_more(
    context: &Context,
    target: &Target,
    request: &GatherRequest,
    gathered: &mut Gathered,
) -> Result<(), Outcome> {
    let become_root = target.become_root && gathered.unprivileged.is_none();
    let answer = ask(context, target, request, gathered.session.as_ref(), become_root).await;
    gathered.observed = answer.map_err(AskError::outcome)?;
    Ok(())
}

enum AskError {
    Transport(TransportError),
    Answer(String, Option<String>),
}

impl AskError {
    fn outcome(self) -> Outcome {
        match self {
            Self::Transport(error) => outcome_of(&error),
            Self::Answer(error, hint) => Outcome::Failed { error, hint, restored: false },
        }
    }
}

async fn ask(
    context: &Context,
    target: &Target,
    request: &GatherRequest,
    session: &dyn Session,
    become_root: bool,
) -> Result<Observed, AskError> {
    let nonce = nonce();
    let input = remote::encode_gather(request, &nonce);
    let exec = Exec { script: remote::gather_script(), input: &input, become_root, deadline: context.gather_timeout };
    let output = session.exec(exec, None).await.map_err(AskError::Transport)?;
    remote::parse_gather(&target.host, request, &nonce, &output.stdout).map_err(|error| {
        let said = output.stderr.lines().rev().find(|line| !line.trim().is_empty());
        let hint = match (said, &error) {
            (Some(line), _) => Some(format!("the host said: {line}")),
            // nologin says so, false says nothing at all.
            (None, GatherError::Frame(FrameError::Nothing(_))) => Some(
                "can the user run commands there? Its login shell must be a real one, not nologin or false".to_owned(),
            ),
            (None, _) => None,
        };
        AskError::Answer(error.to_string(), hint)
    })
}

/// Sixteen hexadecimal digits that nothing on the host can guess: they mark our lines among whatever a login
/// shell prints.
#[must_use]
pub fn nonce() -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    // The standard library seeds this from the operating system's randomness.
    format!("{:016x}", std::collections::hash_map::RandomState::new().build_hasher().finish())
}

/// What a transport's trouble means for the host's outcome.
#[must_use]
pub fn outcome_of(error: &TransportError) -> Outcome {
    let (error, hint, kind) = (error.message.clone(), error.hint.clone(), error.kind);
    match kind {
        TransportErrorKind::Privilege => Outcome::Refused { error, hint },
        TransportErrorKind::Interrupted | TransportErrorKind::Configuration => {
            Outcome::Failed { error, hint, restored: false }
        }
        TransportErrorKind::Resolve
        | TransportErrorKind::Connect
        | TransportErrorKind::HostKey
        | TransportErrorKind::Authentication
        | TransportErrorKind::Other => Outcome::Unreachable { error, hint },
    }
}

/// Runs `work` for every host, at most `jobs` at a time, and collects what comes back. A host whose work panics
/// is missing from the answer; the caller reports it.
pub async fn for_each_host<In, Out, Work, Fut>(
    jobs: usize,
    hosts: impl IntoIterator<Item = (HostName, In)>,
    work: Work,
) -> BTreeMap<HostName, Out>
where
    In: Send + 'static,
    Out: Send + 'static,
    Work: Fn(HostName, In) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Out> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(jobs.max(1)));
    let mut running = JoinSet::new();
    for (host, input) in hosts {
        let permits = Arc::clone(&permits);
        let work = work.clone();
        running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let result = work(host.clone(), input).await;
            (host, result)
        });
    }
    let mut results = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        if let Ok((host, result)) = joined {
            results.insert(host, result);
        }
    }
    results
}
