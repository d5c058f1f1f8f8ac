//! The real thing: an Erlang runtime on the other end of a pipe.

use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ferrets::Term;

use crate::answer::{Answer, Context, Names, Reply, settle};
use crate::operation::Operation;
use crate::terms::{elements, list, list_elements, name};

/// A running Erlang, with the server of this directory loaded.
pub(crate) struct Erlang {
    process: Child,
    /// Closed first, which tells the server to stop.
    input: Option<BufWriter<ChildStdin>>,
    output: BufReader<ChildStdout>,
    release: String,
}

/// The Erlang to ask: `FERRETS_ERL`, else a private OTP 27, else what is on the path.
fn executable() -> PathBuf {
    if let Some(chosen) = std::env::var_os("FERRETS_ERL") {
        return chosen.into();
    }
    let home = std::env::var_os("HOME").unwrap_or_default();
    let private = Path::new(&home).join(".cache/otp27/erl27");
    if private.is_file() { private } else { "erl".into() }
}

/// Compiles the server without leaving a file behind, and starts it.
fn boot(server: &Path) -> String {
    format!(
        "{{ok, M, B}} = compile:file({server:?}, [binary, report]), \
         {{module, M}} = code:load_binary(M, \"ets_server\", B), M:start(), \
         receive after infinity -> ok end."
    )
}

impl Erlang {
    /// Starts it; `None` if there is none on this machine.
    pub(crate) fn start() -> Option<Self> {
        let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/ets_server.erl");
        // Two schedulers: with one, ETS reports that options for concurrency have no effect.
        let spawned = Command::new(executable())
            .args(["+S", "2:2", "-noshell", "-noinput", "-kernel", "logger_level", "none"])
            .args(["-eval", &boot(&server)])
            .env("ERL_CRASH_DUMP", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut process = match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            spawned => spawned.expect("an Erlang that is there can be started"),
        };
        let input = process.stdin.take().map(BufWriter::new);
        let output = BufReader::new(process.stdout.take().expect("it was asked for"));
        let mut erlang = Self { process, input, output, release: String::new() };
        let answer = erlang.send(&[]).and_then(|()| erlang.receive(&[]));
        answer.expect("the server compiles and answers");
        Some(erlang)
    }

    /// Which OTP it is.
    pub(crate) fn release(&self) -> &str {
        &self.release
    }

    /// Whether it lacks what came with OTP 26 and 27.
    pub(crate) fn is_old(&self) -> bool {
        self.release.parse::<u32>().is_ok_and(|release| release < 27)
    }

    /// Sends sequences to run; the answers are to be fetched with [`receive`](Self::receive).
    pub(crate) fn send(&mut self, sequences: &[Vec<Operation>]) -> std::io::Result<()> {
        let request =
            list(sequences.iter().map(|sequence| list(sequence.iter().map(Operation::to_term))));
        let bytes = request.as_ref().encode().map_err(std::io::Error::other)?;
        let size = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
        let input = self.input.as_mut().ok_or(ErrorKind::BrokenPipe)?;
        input.write_all(&size.to_be_bytes())?;
        input.write_all(&bytes)?;
        input.flush()
    }

    /// The settled answers to the sequences that were sent last.
    pub(crate) fn receive(
        &mut self,
        sequences: &[Vec<Operation>],
    ) -> std::io::Result<Vec<Vec<Term>>> {
        let mut size = [0; 4];
        self.output.read_exact(&mut size)?;
        let mut bytes = vec![0; u32::from_be_bytes(size) as usize];
        self.output.read_exact(&mut bytes)?;
        let reply = Term::decode(&bytes).map_err(std::io::Error::other)?;
        let malformed = || std::io::Error::other("the server sent something else than answers");
        let parts = elements(&reply);
        let [release, answers] = parts.as_slice() else { return Err(malformed()) };
        name(release).unwrap_or_default().clone_into(&mut self.release);
        let answers = list_elements(answers).ok_or_else(malformed)?;
        let settled = sequences.iter().zip(&answers).map(|(sequence, answer)| {
            settled(sequence, answer)
                .ok_or_else(|| std::io::Error::other(format!("the server sent {answer}")))
        });
        settled.collect()
    }

    /// Whether it answers at all. If not, it is gone.
    pub(crate) fn survives(&mut self, sequence: &[Operation]) -> bool {
        let sequences = [sequence.to_vec()];
        self.send(&sequences).and_then(|()| self.receive(&sequences)).is_ok()
    }

    /// Runs sequences.
    pub(crate) fn run(&mut self, sequences: &[Vec<Operation>]) -> Vec<Vec<Term>> {
        let answers = self.send(sequences).and_then(|()| self.receive(sequences));
        answers.expect("Erlang answers until it is told to stop")
    }
}

impl Drop for Erlang {
    fn drop(&mut self) {
        self.input = None;
        // A runtime that is gone already is as good as one that stops now.
        let _ = self.process.wait();
    }
}

fn settled(sequence: &[Operation], answer: &Term) -> Option<Vec<Term>> {
    let parts = elements(answer);
    let [actors, replies] = parts.as_slice() else { return None };
    let replies: Option<Vec<Reply>> = list_elements(replies)?.iter().map(reply).collect();
    let replies = replies.filter(|replies| replies.len() == sequence.len())?;
    Some(settle(sequence, &replies, Names::new(list_elements(actors)?)))
}

fn reply(term: &Term) -> Option<Reply> {
    let parts = elements(term);
    let [answer, bound, context] = parts.as_slice() else { return None };
    Some(Reply {
        answer: to_answer(answer)?,
        bound: Some(bound.clone()).filter(|bound| name(bound) != Some("none")),
        context: Context::from_term(context.as_ref()),
    })
}

fn to_answer(term: &Term) -> Option<Answer> {
    match elements(term).as_slice() {
        [_, value] => Some(Answer::Ok(value.clone())),
        // There is no such function, for which ferrets has no class of its own.
        [_, reason, _] if name(reason) == Some("undef") => {
            Some(Answer::Error("badarg".to_owned(), "none".to_owned()))
        }
        [_, reason, cause] => {
            let reason = name(reason).map_or_else(|| reason.to_string(), str::to_owned);
            Some(Answer::Error(reason, name(cause)?.to_owned()))
        }
        _ => (name(term) == Some("skipped")).then_some(Answer::Skipped),
    }
}
