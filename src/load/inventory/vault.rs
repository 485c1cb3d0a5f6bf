//! What ansible-vault has encrypted: known when seen, refused with what to do instead.

use std::sync::Arc;

use crate::load::allowed::Notes;
use crate::load::slips::VAULT_HELP;
use crate::model::{Diagnostic, SourceFile};

use super::setting::Setting;

/// How every text of ansible-vault begins.
const HEADER: &str = "$ANSIBLE_VAULT;";

/// Whether a value is an encrypted one: as a text, or in the form in which `ansible-inventory` prints it.
pub(super) fn is_encrypted(setting: &Setting) -> bool {
    let text = setting.text();
    text.starts_with("!vault")
        || text.trim_start().starts_with(HEADER)
        || setting.value.get("__ansible_vault").is_some()
}

pub(super) fn refuse(setting: &Setting, notes: &mut Notes<'_>) {
    let message = format!("`{}` is encrypted by ansible-vault, which is not read here", setting.name);
    notes.error(setting.span.clone(), message, VAULT_HELP);
}

/// A file that is encrypted as a whole.
pub(super) fn encrypted_file(source: &Arc<SourceFile>) -> Option<Diagnostic> {
    let message = format!("`{}` is encrypted by ansible-vault, which is not read here", source.name);
    let encrypted = source.text.starts_with(HEADER);
    encrypted.then(|| Diagnostic::error(message).at(source, 0..HEADER.len() - 1, "").help(VAULT_HELP))
}
