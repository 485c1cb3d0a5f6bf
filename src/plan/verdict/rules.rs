//! Where the effect of a directive depends on the kind of the unit.
//!
//! | what | then | known from |
//! |---|---|---|
//! | anything that only a start brings, in a target, timer, path, slice, scope or device | it counts at the next start: nothing of theirs runs with it, and restarting a timer could fire it | tried on 247, 252 and 257 |
//! | `JoinsNamespaceOf=` in anything but a service | it counts at the next start | systemd.unit(5): services only |
//! | `Slice=` in a socket, mount, swap | it counts at the next start: no process of theirs lasts | src:cgroup.c |

use crate::model::UnitKind;
use crate::unitfile::catalogue::Effect;

use super::Difference;

pub(super) fn apply(kind: UnitKind, difference: &mut Difference) {
    let goes_on = match kind {
        UnitKind::Service => false,
        UnitKind::Socket | UnitKind::Mount | UnitKind::Automount | UnitKind::Swap => {
            difference.section == "Unit" && difference.key == "JoinsNamespaceOf"
        }
        UnitKind::Target | UnitKind::Timer | UnitKind::Path | UnitKind::Slice | UnitKind::Scope | UnitKind::Device => {
            true
        }
    };
    if goes_on && difference.effect == Effect::Restart {
        difference.effect = Effect::NextStart;
        difference.note = Some("it has nothing running that would be started anew");
    }
}
