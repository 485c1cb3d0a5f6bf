//! (desired, observed) → plan. Synchronous, pure, total: no I/O, no clock, no environment.
//!
//! The planner keeps two pictures of the host's files, as they are and as they will be (`view`), and never asks
//! systemd about things to come; so a unit that does not exist yet plans exactly. Its parts each look at one aspect
//! and add changes, steps, findings and refusals to a `Draft`, which lays the steps out in systemd's order:
//!
//! adopt → users → directories → unmask → files → links → owners below directories → daemon-reload → gate → stop → mask,
//! remove → (daemon-reload) →
//! start, restart, reload → forget → remove directories and users
//!
//! | part | decides about |
//! |---|---|
//! | `users`, `files` | accounts; bytes, mode and owner |
//! | `symlinks`, `below` | links of their own; owners of all that is below a directory |
//! | `units` | unit files, drop-ins, masks |
//! | `held` | who is left alone |
//! | `adopt` | what becomes ours as it is |
//! | `links` | enablement as links; the default target |
//! | `running`, `stopping`, `take_up`, `sockets` | starts, stops, restarts, reloads |
//! | [`verdict`] | what a difference between two configurations needs: nothing, a reload, a restart |
//! | `fresh` | who runs with an older configuration than its files |
//! | `load` | daemon-reload and the gate |
//! | `order`, `cycles` | waves; orders that go in a circle |
//!
//! Deliberately absent: anything about other hosts. Waves of hosts and failure budgets are the apply's.
//!
//! Why two daemon-reloads when units are removed beside others that are written: a unit that goes away is stopped
//! while its file still says how (`ExecStop=`), and nothing may be stopped before the gate. Where there is only one
//! kind of change there is only one reload.

mod adopt;
mod below;
mod cycles;
mod draft;
mod files;
mod fresh;
mod held;
mod links;
mod load;
mod order;
mod running;
mod sockets;
mod stopping;
mod symlinks;
mod take_up;
mod units;
mod users;
pub mod verdict;
mod view;

use std::collections::BTreeSet;

use crate::model::{Desired, FindingKind, HostPlan, Observation, Observed, Place};

use draft::Draft;

/// Plans one host.
#[must_use]
pub fn plan_host(desired: &Desired, observed: &Observed) -> HostPlan {
    let mut draft = Draft::new(desired, observed);
    readable_ledgers(&mut draft);
    users::plan(&mut draft);
    files::plan(&mut draft);
    symlinks::plan(&mut draft);
    below::plan(&mut draft);
    let ours = units::plan(&mut draft);
    links::plan(&mut draft, &ours);
    running::plan(&mut draft, &ours);
    load::plan(&mut draft, &ours);
    order::assign_waves(&mut draft);
    cycles::refuse(&mut draft, &ours);
    units::report_strangers(&mut draft, &ours);
    units_on_their_own(&mut draft, &ours);
    fresh::report_unwatched(&mut draft, &ours);
    take_up::units_left_out(&mut draft);
    users::report_running(&mut draft, &ours);
    if draft.has_steps() {
        running::note_managed(&mut draft, &ours);
    }
    draft.finish()
}

/// A ledger that cannot be read says nothing about what is ours: nothing of that manifest is done.
fn readable_ledgers(draft: &mut Draft<'_>) {
    for manifest in &draft.desired.manifests {
        if let Some(Observation::Unknown(why)) = draft.observed.ledgers.get(manifest) {
            let place = first_place(draft.desired, manifest.as_str());
            let hint = "update unitfleet here, or look at /var/lib/unitfleet/ledger on the host".to_owned();
            draft.refuse(None, &place, why.clone(), Some(hint));
        }
    }
    if let Some(lock) = &draft.observed.lock {
        let text = format!("an apply is under way: {lock}");
        draft.finding(FindingKind::Notice, None, text, None);
    }
}

fn first_place(desired: &Desired, manifest: &str) -> Place {
    let units = desired.units.values().map(|unit| &unit.claim);
    let files = desired.files.values().map(|file| &file.claim);
    let directories = desired.directories.values().map(|directory| &directory.claim);
    let users = desired.users.values().map(|user| &user.claim);
    let symlinks = desired.symlinks.values().map(|symlink| &symlink.claim);
    units
        .chain(files)
        .chain(directories)
        .chain(users)
        .chain(symlinks)
        .find(|claim| claim.manifest.as_str() == manifest)
        .map_or_else(|| Place { file: manifest.to_owned(), line: 1, column: 1 }, |claim| claim.place.clone())
}

/// A declared unit that neither the playbook nor the host has a file for is worth a word.
fn units_on_their_own(draft: &mut Draft<'_>, ours: &BTreeSet<crate::model::UnitName>) {
    for name in ours {
        let unit = &draft.desired.units[name];
        let nothing_said = unit.state.is_none() && unit.enabled.is_none() && unit.masked.is_none() && !unit.absent;
        if nothing_said
            && !unit.drop_ins.is_empty()
            && !name.is_template()
            && draft.after.unit(name).files.fragment.is_none()
        {
            let text = format!("{name} has drop-ins, but the unit itself does not exist on this host");
            draft.finding(FindingKind::Notice, Some(name), text, None);
        }
    }
}
