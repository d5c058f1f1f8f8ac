//! Recorded answers: what OTP 27 said, for machines that have no Erlang.

use std::path::PathBuf;

use ferrets::Term;

use crate::operation::Operation;
use crate::terms::{atom, elements, list, list_elements, name, tuple};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/oracle.etf")
}

/// Sequences with the settled answers of a release of OTP.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Which OTP answered.
    pub(crate) release: String,
    /// What was asked, and the answers.
    pub(crate) sequences: Vec<(Vec<Operation>, Vec<Term>)>,
}

impl Recording {
    /// The recording that is checked in.
    pub(crate) fn load() -> Self {
        let bytes = std::fs::read(path()).expect("the recorded answers are checked in");
        let term = Term::decode(&bytes).expect("the recorded answers are in external format");
        Self::from_term(&term).expect("the recorded answers have the form that `save` gives them")
    }

    fn from_term(term: &Term) -> Option<Self> {
        let parts = elements(term);
        let [release, sequences] = parts.as_slice() else { return None };
        let sequence = |term: &Term| {
            let parts = elements(term);
            let [operations, answers] = parts.as_slice() else { return None };
            let operations: Option<Vec<_>> =
                list_elements(operations)?.iter().map(Operation::from_term).collect();
            Some((operations?, list_elements(answers)?))
        };
        let sequences: Option<Vec<_>> = list_elements(sequences)?.iter().map(sequence).collect();
        Some(Self { release: name(release)?.to_owned(), sequences: sequences? })
    }

    /// Replaces the recording that is checked in.
    pub(crate) fn save(&self) -> std::io::Result<usize> {
        let sequences = self.sequences.iter().map(|(operations, answers)| {
            tuple([list(operations.iter().map(Operation::to_term)), list(answers.iter().cloned())])
        });
        let term = tuple([atom(&self.release), list(sequences)]);
        let bytes = term.encode_compressed(9).map_err(std::io::Error::other)?;
        std::fs::write(path(), &bytes)?;
        Ok(bytes.len())
    }
}
