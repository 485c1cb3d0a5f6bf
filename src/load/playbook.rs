//! A playbook file: its manifests, one per YAML document.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::model::{Diagnostic, ManifestName, SourceFile, UnitKind, UnitName};

use super::allowed::{Fields, Keys, Notes, in_order};
use super::document::{Document, read_documents};
use super::entries::{directory, file, named, user, vars};
use super::leaf;
use super::manifest::{DefaultTarget, Manifest, Playbook};
use super::node::{Dialect, Node};
use super::project::root_of;
use super::read_file::read_file;
use super::secrets;
use super::selection::selection;
use super::selector::Selector;
use super::spans::Seg;
use super::units::{unit, unit_defaults};

pub(super) const MANIFEST: Keys = Keys {
    of: "a manifest",
    now: &[
        "name",
        "hosts",
        "defaults",
        "vars",
        "secrets",
        "users",
        "directories",
        "files",
        "unit_defaults",
        "units",
        "default_target",
        "tags",
        "when",
    ],
    later: &["groups", "rollout"],
    sections: false,
};

/// Reads a playbook. `root` is the project's root; without it the nearest folder upward that holds a
/// `unitfleet.yaml`, else the playbook's own folder. The warnings come with the playbook.
pub fn read_playbook(path: &Path, root: Option<&Path>) -> Result<(Playbook, Vec<Diagnostic>), Vec<Diagnostic>> {
    let source = read_file(path).map_err(|problem| vec![problem])?;
    let root = root.map_or_else(|| root_of(path), Path::to_path_buf);
    let (mut playbook, warnings) = parse_playbook(source, path, &root)?;
    let problems: Vec<Diagnostic> =
        playbook.manifests.iter_mut().filter_map(|manifest| read_hosts(manifest, path)).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok((playbook, warnings))
}

/// Reads the files that `hosts:` names, from the playbook's folder.
fn read_hosts(manifest: &mut Manifest, playbook: &Path) -> Option<Diagnostic> {
    let selector = std::mem::take(&mut manifest.selector);
    match selector.read_files(playbook.parent().unwrap_or(Path::new(""))) {
        Ok(selector) => {
            manifest.selector = selector;
            None
        }
        Err(error) => {
            let span = manifest.spans.value(&[Seg::Key("hosts".to_owned())]);
            Some(error.diagnostic(manifest.spans.source(), span))
        }
    }
}

/// Reads a playbook's text. Pure: `path` and `root` are only kept.
pub fn parse_playbook(
    source: Arc<SourceFile>,
    path: &Path,
    root: &Path,
) -> Result<(Playbook, Vec<Diagnostic>), Vec<Diagnostic>> {
    let documents = read_documents(&source)?;
    let mut notes = Notes::new(&source);
    let mut manifests = Vec::new();
    // A file often begins or ends with a `---` of its own.
    let filled: Vec<&Document> = documents.iter().filter(|document| !document.root().is_null()).collect();
    if filled.is_empty() {
        notes.error(0..0, "the playbook is empty", "write at least `name:` and `hosts:`");
    }
    for document in filled {
        refuse_merge_keys(document, &mut notes);
        manifests.extend(manifest(document, &mut notes));
    }
    let (warnings, errors): (Vec<_>, Vec<_>) = notes.list.into_iter().partition(|note| !note.is_error());
    let playbook = Playbook { path: path.to_path_buf(), root: root.to_path_buf(), source, manifests };
    let twice = check_unique(std::slice::from_ref(&playbook));
    if errors.is_empty() && twice.is_empty() {
        return Ok((playbook, warnings));
    }
    let mut all: Vec<Diagnostic> = errors.into_iter().chain(twice).chain(warnings).collect();
    in_order(&mut all);
    Err(all)
}

/// Manifests that share a name: a name owns a ledger on every host, so it can stand only once in a run.
#[must_use]
pub fn check_unique(playbooks: &[Playbook]) -> Vec<Diagnostic> {
    let name_path = [Seg::Key("name".to_owned())];
    let mut first: BTreeMap<&ManifestName, &Manifest> = BTreeMap::new();
    let mut problems = Vec::new();
    for manifest in playbooks.iter().flat_map(|playbook| &playbook.manifests) {
        let Some(earlier) = first.get(&manifest.name) else {
            first.insert(&manifest.name, manifest);
            continue;
        };
        problems.push(
            Diagnostic::error(format!("two manifests are named `{}`", manifest.name))
                .at(manifest.spans.source(), manifest.spans.value(&name_path), "")
                .at(earlier.spans.source(), earlier.spans.value(&name_path), "the other one")
                .help("give each its own name: it is the owner of what it installs"),
        );
    }
    problems
}

fn refuse_merge_keys(document: &Document, notes: &mut Notes<'_>) {
    let tree = document.spans.tree();
    let whole = document.root().span();
    for span in tree.merges.iter().filter(|span| whole.contains(&span.start)) {
        let help = "write the keys out, or use `vars` and a template";
        notes.error(span.clone(), "merge keys (`<<`) are not read in playbooks", help);
    }
}

fn manifest(document: &Document, notes: &mut Notes<'_>) -> Option<Manifest> {
    let root = document.root();
    if root.items().is_some() {
        let start = root.span().start;
        let help = "write `name:` and `hosts:` as keys of their own, without `- `; Ansible's plays are not read";
        notes.error(start..start, "a playbook is not a list", help);
        return None;
    }
    if root.entries(Dialect::Playbook).is_none() {
        let help = "write `name:` and `hosts:`, each with a value";
        notes.error(root.span(), "a manifest is a mapping, but this is text", help);
        return None;
    }
    let fields = Fields::read(root, &MANIFEST, Dialect::Playbook, notes)?;
    let name = name(&fields, root, notes);
    let (hosts, selector) = hosts(&fields, root, notes).unwrap_or_default();
    let get = |key| fields.get(key);
    secrets::named_twice(get("secrets"), [get("defaults"), get("vars")], notes);
    let manifest = Manifest {
        spans: document.spans.clone(),
        // Without a name this manifest is not used, but its other mistakes are still found below.
        name: name.clone().or_else(|| ManifestName::parse("unnamed").ok())?,
        hosts,
        selector,
        selection: selection(&fields, notes),
        defaults: vars(get("defaults"), notes),
        vars: vars(get("vars"), notes),
        secrets: named(get("secrets"), notes, secrets::secret),
        users: named(get("users"), notes, user),
        directories: named(get("directories"), notes, directory),
        files: named(get("files"), notes, file),
        unit_defaults: unit_defaults(get("unit_defaults"), notes),
        units: named(get("units"), notes, unit),
        default_target: get("default_target").and_then(|node| default_target(node, notes)),
    };
    name.and(Some(manifest))
}

fn name(fields: &Fields<'_>, root: Node<'_>, notes: &mut Notes<'_>) -> Option<ManifestName> {
    let Some(node) = fields.get("name") else {
        let start = root.span().start;
        let help = "add a line such as `name: web-tier`; the name owns what the manifest installs";
        notes.error(start..start, "this manifest has no `name`", help);
        return None;
    };
    let text = leaf::text(node, notes)?;
    match ManifestName::parse(&text) {
        Ok(name) => Some(name),
        Err(error) => {
            let help = "write a plain word such as `web-tier`; templates are not read in names";
            notes.error(node.span(), error.to_string(), help);
            None
        }
    }
}

fn hosts(fields: &Fields<'_>, root: Node<'_>, notes: &mut Notes<'_>) -> Option<(String, Selector)> {
    let Some(node) = fields.get("hosts") else {
        let start = root.span().start;
        let help = "add a line such as `hosts: web`: a host, a group, `all`, or a selector such as `web:!db3`";
        notes.error(start..start, "this manifest has no `hosts`", help);
        return None;
    };
    if let Some(items) = node.items() {
        let words: Vec<&str> = items.iter().filter_map(Node::text).collect();
        let help = format!("write them in one text: `hosts: {}`", words.join(","));
        notes.error(node.span(), "`hosts` is one selector, but this is a list", help);
        return None;
    }
    let text = leaf::text(node, notes)?;
    if leaf::is_template(&text) {
        let help = "name a host or group; a manifest's hosts do not depend on variables";
        notes.error(node.span(), "`hosts` cannot be a template", help);
        return None;
    }
    match Selector::parse(&text) {
        Ok(selector) => Some((text, selector)),
        Err(error) => {
            notes.list.push(error.diagnostic(notes.source, node.span()));
            None
        }
    }
}

/// Targets into which a host must not boot for good, and why.
pub(super) const NO_DEFAULT: [(&str, &str); 18] = [
    ("poweroff", "a host that boots into it powers off"),
    ("halt", "a host that boots into it halts"),
    ("reboot", "a host that boots into it reboots for ever"),
    ("soft-reboot", "a host that boots into it reboots for ever"),
    ("kexec", "a host that boots into it reboots for ever"),
    ("exit", "a host that boots into it powers off"),
    ("shutdown", "a host that boots into it shuts down"),
    ("final", "a host that boots into it shuts down"),
    ("umount", "a host that boots into it shuts down"),
    ("suspend", "a host that boots into it goes to sleep"),
    ("hibernate", "a host that boots into it goes to sleep"),
    ("hybrid-sleep", "a host that boots into it goes to sleep"),
    ("sleep", "a host that boots into it goes to sleep"),
    ("rescue", "it has no network, so the host could not be reached again"),
    ("emergency", "it has no network, so the host could not be reached again"),
    ("runlevel0", "a host that boots into it powers off"),
    ("runlevel1", "it has no network, so the host could not be reached again"),
    ("runlevel6", "a host that boots into it reboots for ever"),
];

fn default_target(node: Node<'_>, notes: &mut Notes<'_>) -> Option<DefaultTarget> {
    if let Some(entries) = node.entries(Dialect::Playbook) {
        let is_absent =
            |(key, value): &(&str, Node<'_>)| *key == "absent" && value.boolean(Dialect::Playbook) == Some(true);
        if let [entry] = entries.as_slice()
            && is_absent(entry)
        {
            return Some(DefaultTarget::Absent);
        }
        let message = "`default_target` is the name of a target, or `{absent: true}`";
        notes.error(node.span(), message, "write `default_target: multi-user.target`, or leave the key out");
        return None;
    }
    let text = leaf::text(node, notes)?;
    if leaf::is_template(&text) {
        return Some(DefaultTarget::Named(text));
    }
    let help = "usual ones are multi-user.target and graphical.target";
    let kind = UnitName::parse(&text).ok().map(|name| name.kind());
    if kind != Some(UnitKind::Target) {
        notes.error(node.span(), format!("`default_target`: `{text}` is not a target unit"), help);
        return None;
    }
    let stem = text.trim_end_matches(".target");
    if let Some((_, why)) = NO_DEFAULT.iter().find(|(target, _)| *target == stem) {
        notes.error(node.span(), format!("`{text}` cannot be the default target: {why}"), help);
        return None;
    }
    Some(DefaultTarget::Named(text))
}

#[cfg(test)]
mod tests;
