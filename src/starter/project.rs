//! The files of a new project. They are files here as well, and the tests read them as a user's.

use super::NewFile;

/// Every file of a new project, in the order in which a reader should look at them.
#[must_use]
pub fn project() -> Vec<NewFile> {
    let files = [
        ("unitfleet.yaml", include_str!("files/unitfleet.yaml")),
        ("inventory.yaml", include_str!("files/inventory.yaml")),
        ("playbook.yaml", include_str!("files/playbook.yaml")),
        ("templates/hello.service.j2", include_str!("files/templates/hello.service.j2")),
        (".github/workflows/unitfleet.yaml", include_str!("files/workflow.yml")),
    ];
    files.map(|(path, text)| NewFile { path: path.to_owned(), text: text.to_owned() }).to_vec()
}
