//! `cargo xtask bench vrrp`: what a client sees when a master goes, and what a thousand instances cost, ours beside
//! Keepalived of this machine, in one run.
//!
//! ```text
//! a, b   two machines with a keeper each, on one switch      the same program on both
//! client asks the floating address every 2 ms who is there   the longest silence, and when b answers first
//! ```
//! Each piece is measured by itself and kept below `target/bench/vrrp`, so that none takes the machine for long; the page
//! is written from all that are there.

mod gaps;
mod report;
mod scale;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use evenkeel_lab::netns;

/// Rounds: the fewest that a median means something for.
const ROUNDS: usize = 3;

/// Who keeps the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeper {
    Keepalived,
    Evenkeel,
}

impl Keeper {
    const ALL: [Keeper; 2] = [Keeper::Keepalived, Keeper::Evenkeel];

    fn name(self) -> &'static str {
        match self {
            Keeper::Keepalived => "Keepalived",
            Keeper::Evenkeel => "Evenkeel",
        }
    }
}

/// What the command line asks for.
struct Wish {
    rounds: usize,
    /// Names of pieces; all if empty.
    pieces: Vec<String>,
    only: Option<String>,
    write: bool,
    binary: Option<PathBuf>,
}

/// Where the programs are.
struct Programs {
    keepalived: PathBuf,
    evenkeel: PathBuf,
}

impl Programs {
    fn path(&self, keeper: Keeper) -> &Path {
        match keeper {
            Keeper::Keepalived => &self.keepalived,
            Keeper::Evenkeel => &self.evenkeel,
        }
    }
}

/// Measures and writes.
pub(super) fn run(args: &[String]) -> ExitCode {
    match wish(args).and_then(|wish| measure(&wish)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench vrrp: {why}");
            ExitCode::FAILURE
        }
    }
}

fn wish(args: &[String]) -> Result<Wish, String> {
    let mut wish = Wish { rounds: ROUNDS, pieces: Vec::new(), only: None, write: true, binary: None };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--rounds" => wish.rounds = super::number(value()?)? as usize,
            "--piece" => wish.pieces.push(value()?.clone()),
            "--only" => wish.only = Some(value()?.clone()),
            "--binary" => wish.binary = Some(value()?.into()),
            "--no-write" => wish.write = false,
            other => return Err(format!("unknown switch {other}")),
        }
    }
    let known: Vec<&str> = gaps::PACES.iter().map(|p| p.piece).chain([scale::PIECE]).collect();
    match wish.pieces.iter().find(|piece| !known.contains(&piece.as_str())) {
        Some(unknown) => Err(format!("there is no piece {unknown}; there are {}", known.join(", "))),
        None => Ok(wish),
    }
}

fn measure(wish: &Wish) -> Result<(), String> {
    netns::available().map_err(|why| why.to_string())?;
    for (tool, package) in [("keepalived", "keepalived"), ("nft", "nftables"), ("tcpdump", "tcpdump")] {
        if super::rig::found(tool).is_none() {
            return Err(format!("{tool} is not installed: apt-get install {package}"));
        }
    }
    let evenkeel = match &wish.binary {
        Some(binary) => binary.clone(),
        None => super::build()?,
    };
    let evenkeel = evenkeel.canonicalize().map_err(|e| format!("{}: {e}", evenkeel.display()))?;
    let keepalived = super::rig::found("keepalived").unwrap_or_else(|| "keepalived".into());
    let programs = Programs { keepalived, evenkeel };
    let folder = crate::root().join("target/bench/vrrp");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let wanted = |piece: &str| wish.pieces.is_empty() || wish.pieces.iter().any(|p| p == piece);
    for pace in gaps::PACES.iter().filter(|pace| wanted(pace.piece)) {
        let samples = gaps::measure(pace, &programs, wish)?;
        keep(&folder, pace.piece, &gaps::to_text(&samples), wish)?;
    }
    if wanted(scale::PIECE) && wish.only.is_none() {
        let found = scale::measure(&programs)?;
        keep(&folder, scale::PIECE, &scale::to_text(&found), wish)?;
    }
    let page = report::document(&folder);
    print!("\n{page}");
    if wish.write && wish.only.is_none() {
        let path = crate::root().join("docs/benchmarks-vrrp.md");
        fs::write(&path, page).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("\nwritten: docs/benchmarks-vrrp.md");
    } else {
        println!("\ndocs/benchmarks-vrrp.md stays as it was.");
    }
    Ok(())
}

/// Keeps what a piece has shown; a look at one row is not kept.
fn keep(folder: &Path, piece: &str, text: &str, wish: &Wish) -> Result<(), String> {
    if wish.only.is_some() {
        print!("{text}");
        return Ok(());
    }
    let path = folder.join(format!("{piece}.tsv"));
    fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
}
