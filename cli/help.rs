//! What help and manual pages say beside the flags: examples, exit codes, environment, files. Blocks with a title, each line of which
//! fits 80 columns.

/// What every command ends with; the title is that of help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
    0  the run is valid (or degraded, unless --strict) and passed
    1  runtime error, or not one request succeeded
    2  usage or configuration error; nothing was sent
    3  the run is INVALID: its numbers must not be used
    4  preflight refused; no load was sent
   98  a regression against the baseline (gate)
   99  a threshold was breached, or the target fell behind or failed
  130  SIGINT: drained, partial report written (143: SIGTERM)";

const ENVIRONMENT: &str = "\
Environment:
  VAJRA_RUN__SHARDS=2   and the like: keys of a plan, below flags and above
                        the plan file; see docs/PLANS.md
  OTEL_EXPORTER_OTLP_*  where metrics are sent and how, as OpenTelemetry has
                        it; see docs/TELEMETRY.md
  VAJRA_SPOOL           what of it is kept on disk: as --spool has it, and
                        VAJRA_SPOOL_SYNC as --spool-sync does
  NO_COLOR              when set, nothing is coloured
  XDG_DATA_HOME         where archive and spool are [default: ~/.local/share]
  XDG_CACHE_HOME        where the calibration is [default: ~/.cache]";

const FILES: &str = "\
Files:
  ~/.local/share/vajra/archive.db   the runs that were kept
  ~/.local/share/vajra/spool/       what collectors have not taken yet
  ~/.cache/vajra/                   what `vajra calibrate` measured
  $XDG_RUNTIME_DIR/vajra/*.sock     where runs hear `vajra control`";

/// Examples of the program as a whole.
const EXAMPLES: &str = "\
Examples:
  vajra http://10.0.0.2:8080/ -R 10k -c 200 -d 60s    10,000 requests a second
  vajra run plan.toml --threshold 'response p(99)<50ms'
  vajra compare last~1 last
  vajra find-max http://10.0.0.2:8080/ --slo 'p(99)<50ms'
  vajra testbed --port 8080                           a server to try it on";

/// What stands below the short help.
pub(crate) const MORE: &str = "\
`--help` says more of each flag, with examples; `vajra man` is the manual.";

/// What stands below the long help of commands without flags of their own.
pub(crate) const OF_SCHEMA: &str = "\
Examples:
  vajra schema > plan.schema.json    for editors, and for other programs";
pub(crate) const OF_VERSION: &str = "\
Examples:
  vajra version                      the same as vajra --version";

/// What stands below the program's own long help.
pub(crate) fn of_program() -> String {
    [EXAMPLES, EXIT_CODES, ENVIRONMENT, FILES].join("\n\n")
}

/// What stands below the long help of a command that runs something.
pub(crate) fn of_runs(examples: &str) -> String {
    [examples, EXIT_CODES].join("\n\n")
}

/// The blocks of such a text: each with its title, and its lines.
pub(crate) fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n\n").filter_map(|block| block.split_once(":\n"))
}
