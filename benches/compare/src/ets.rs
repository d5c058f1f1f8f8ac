//! Finds an Erlang and starts the twin in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::Result;

const TWIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ets_twin.erl");

/// Compiles the twin whose path comes first among the plain arguments, and runs it on the rest.
const START: &str = "
    [File | Arguments] = init:get_plain_arguments(),
    {ok, Module, Code} = compile:file(File, [binary, report]),
    {module, Module} = code:load_binary(Module, File, Code),
    Module:main(Arguments).";

/// Release, emulator flavour and schedulers, for the report.
const DESCRIBE: &str = r#"
    io:format("OTP ~s (~s, ~b schedulers)", [erlang:system_info(otp_release),
        erlang:system_info(emu_flavor), erlang:system_info(schedulers)]),
    halt()."#;

/// The Erlang to use: `FERRETS_ERL`, else an OTP 27 where the project's own installer puts it,
/// else `erl` on the path. `None` if it does not run.
pub fn erlang() -> Option<&'static Erlang> {
    static FOUND: OnceLock<Option<Erlang>> = OnceLock::new();
    FOUND.get_or_init(|| candidates().into_iter().find_map(Erlang::try_at)).as_ref()
}

/// An Erlang that runs.
#[derive(Debug)]
pub struct Erlang {
    program: OsString,
    /// What it says about itself.
    pub description: String,
}

impl Erlang {
    fn try_at(program: OsString) -> Option<Self> {
        let run = node(&program).args(["-eval", DESCRIBE]).stdin(Stdio::null()).output().ok()?;
        let description = String::from_utf8(run.stdout).ok()?;
        run.status.success().then_some(Erlang { program, description })
    }
}

/// A command that runs the twin for `subject`; the number of objects is still to be added.
pub fn twin(family: &str, subject: &str) -> Result<Command> {
    let erlang = erlang().ok_or("no Erlang found")?;
    let mut command = node(&erlang.program);
    command.args(["-eval", START, "-extra", TWIN, family, subject]);
    Ok(command)
}

fn node(program: &OsString) -> Command {
    let mut command = Command::new(program);
    command.arg("-noshell");
    command
}

fn candidates() -> Vec<OsString> {
    if let Some(program) = std::env::var_os("FERRETS_ERL") {
        return vec![program];
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let own = home.map(|home| home.join(".cache/otp27/erl27"));
    let own = own.filter(|path| Path::exists(path)).map(PathBuf::into_os_string);
    own.into_iter().chain([OsString::from("erl")]).collect()
}
