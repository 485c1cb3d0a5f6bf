//! Owners of all that is below a directory (`recurse: true`).
//!
//! The gather counts what has another owner; what the steps make there themselves as root (links, and parents of what
//! is declared) has to be counted here. So the step comes after files and links.

use crate::model::{
    AbsPath, Action, ChangeKind, Claim, DirectorySpec, FindingKind, Observation, ObservedPath, OthersBelow, ReasonKind,
    Wanted,
};

use super::draft::{Draft, Stage};

pub(super) fn plan(draft: &mut Draft<'_>) {
    for (path, directory) in draft.desired.directories.iter().filter(|(_, directory)| directory.claim.selected) {
        match &directory.spec {
            Wanted::Present(spec) if spec.recurse => of_directory(draft, path, &directory.claim, spec),
            Wanted::Present(_) | Wanted::Absent => {}
        }
    }
}

fn of_directory(draft: &mut Draft<'_>, path: &AbsPath, claim: &Claim, spec: &DirectorySpec) {
    let others = match (draft.observed.paths.get(path), draft.observed.below.get(path)) {
        (Some(ObservedPath::Directory { .. }), Some(Observation::Known(others))) => others.clone(),
        (Some(ObservedPath::Directory { .. }), Some(Observation::Unknown(why))) => {
            let text = format!("whether all below {path} has its owner is not known: {why}");
            draft.finding(FindingKind::Unknown, None, text, Some("gather as root: become: true".to_owned()));
            return;
        }
        (Some(ObservedPath::Directory { .. }), None) => {
            let text = format!("the owners of what is below {path} were not looked at");
            draft.finding(FindingKind::Unknown, None, text, None);
            return;
        }
        (Some(ObservedPath::Absent), _) => OthersBelow::default(),
        // It is not there as a directory, or nobody knows: said where the directory itself is planned.
        _ => return,
    };
    let reason = match (&others.example, made_by_steps(draft, path, spec)) {
        (Some(example), _) => {
            let count = if others.more { format!("more than {}", others.count) } else { others.count.to_string() };
            let things = if others.count == 1 && !others.more { "thing" } else { "things" };
            let such = if others.count == 1 && !others.more { ":" } else { ", such as" };
            let to = format!("{}:{}", spec.user, spec.group);
            let kind = ChangeKind::OwnersBelow { path: path.clone(), count: others.count, more: others.more, to };
            draft.change(None, &claim.manifest, kind);
            format!("owner of {count} {things} below differs{such} {example}")
        }
        (None, Some(made)) => format!("{made} is made as root, and recurse: true"),
        (None, None) => return,
    };
    let action = Action::SetOwnerBelow { path: path.clone(), user: spec.user.clone(), group: spec.group.clone() };
    draft.step(Stage::Owners, action, ReasonKind::FileDiffers, reason);
}

/// Something below the directory that the steps leave with root as its owner.
fn made_by_steps(draft: &Draft<'_>, directory: &AbsPath, spec: &DirectorySpec) -> Option<AbsPath> {
    if (spec.user.as_str(), spec.group.as_str()) == ("root", "root") {
        return None;
    }
    let is_below = |path: &AbsPath| path != directory && path.is_within(directory.as_str());
    draft.steps().find_map(|(_, step)| match &step.action {
        Action::MakeLink { path, .. } if is_below(path) => Some(path.clone()),
        Action::WriteFile { path, .. } | Action::CreateDirectory { path, .. } if is_below(path) => {
            let parent = path.parent().filter(|parent| is_below(parent))?;
            let missing = draft.observed.paths.get(&parent) == Some(&ObservedPath::Absent);
            (missing && !draft.desired.directories.contains_key(&parent)).then_some(parent)
        }
        _ => None,
    })
}
