//! A k6 script, run once in QuickJS, with bounds on what it may take, and with what it did written down.

use super::modules::{self, ScriptModule};
use super::observed::Observed;
use crate::wrong::WrongImport;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rquickjs::context::EvalOptions;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::promise::PromiseState;
use rquickjs::{
    CatchResultExt as _, CaughtError, Context, Ctx, Error, Exception, Function, Module, Object, Promise,
    Runtime,
};
use sha2::{Digest as _, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;

/// The most memory of a script.
const MEMORY_BYTES_MAX: usize = 256 << 20;
const STACK_BYTES_MAX: usize = 512 << 10;
/// QuickJS asks once in some ten thousand loops and calls whether it is to go on: a bound on what a script does, and not on its time.
const INTERRUPTS_MAX: u32 = 5_000;
/// The most continuations of promises.
const JOBS_MAX: usize = 100_000;
/// The most requests of an iteration that are looked at.
pub(super) const SCRIPT_REQUESTS_MAX: usize = 1_000;

/// What the modules of k6 are here, in the order in which they need each other.
const STAND_INS: [(&str, &str); 4] = [
    ("vajra:values.js", include_str!("script/values.js")),
    ("vajra:checks.js", include_str!("script/checks.js")),
    ("vajra:http.js", include_str!("script/http.js")),
    ("vajra:modules.js", include_str!("script/modules.js")),
];

/// Reads a file that a script names.
pub type ReadsScriptFile = Rc<dyn Fn(&str) -> io::Result<Vec<u8>>>;

/// A script, and what it may read.
pub(super) struct ScriptSource<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) reads: ReadsScriptFile,
}

/// How a script is run once.
#[derive(Clone, Debug)]
pub(super) struct ScriptPass<'a> {
    /// What `Math.random()` always gives; other numbers each time where there is none.
    pub(super) random: Option<f64>,
    /// The function that is an iteration; without one the script is loaded alone.
    pub(super) exec: Option<&'a str>,
    pub(super) scenario: &'a str,
    pub(super) environment: &'a BTreeMap<String, String>,
    /// The statuses of responses, where they are not 200.
    pub(super) statuses: &'a BTreeMap<usize, u16>,
}

/// The time that it is while a script runs, in milliseconds since 1970: one that stands nowhere else.
pub(super) const NOW_MS: u64 = 1_893_456_001_234;

/// What a run of a script came to.
pub(super) struct Ran {
    pub(super) observed: Observed,
    /// What was thrown, with its place, after something had been done.
    pub(super) thrown: Option<WrongImport>,
}

/// What the parts of a run share.
#[derive(Default)]
struct ScriptTold {
    /// What is wrong with an import, which QuickJS has words of its own for.
    wrong: RefCell<Option<WrongImport>>,
    /// Names that are asked of modules, by the modules.
    names: RefCell<BTreeMap<String, Vec<String>>>,
    interrupts: Cell<u32>,
}

impl ScriptTold {
    fn read(&self, source: &str) {
        for (from, names) in modules::imports(source) {
            self.names.borrow_mut().entry(from).or_default().extend(names);
        }
    }
}

/// Runs a script once.
pub(super) fn run(script: &ScriptSource<'_>, pass: &ScriptPass<'_>) -> Result<Ran, WrongImport> {
    let told = Rc::new(ScriptTold::default());
    let runtime = Runtime::new().map_err(|_| no_memory())?;
    runtime.set_memory_limit(MEMORY_BYTES_MAX);
    runtime.set_max_stack_size(STACK_BYTES_MAX);
    let counted = Rc::clone(&told);
    runtime.set_interrupt_handler(Some(Box::new(move || {
        counted.interrupts.set(counted.interrupts.get() + 1);
        counted.interrupts.get() > INTERRUPTS_MAX
    })));
    let loader = ScriptLoader { reads: Rc::clone(&script.reads), told: Rc::clone(&told) };
    runtime.set_loader(ScriptResolver { told: Rc::clone(&told) }, loader);
    let context = Context::full(&runtime).map_err(|_| no_memory())?;
    context.with(|ctx| {
        stand_in(&ctx, script, pass).catch(&ctx).map_err(|error| wrong(error, script.name, &told))?;
        told.read(script.text);
        let exports = load(&ctx, script).catch(&ctx).map_err(|error| wrong(error, script.name, &told))?;
        let thrown = match pass.exec {
            Some(exec) => {
                drive(&ctx, &exports, exec).catch(&ctx).err().map(|error| wrong(error, script.name, &told))
            }
            None => None,
        };
        let text = result(&ctx, exports).catch(&ctx).map_err(|error| wrong(error, script.name, &told))?;
        let observed: Observed = serde_json::from_str(&text).map_err(|error| {
            WrongImport::new(format!("what the script did cannot be read: {error}"), "write a shorter script")
                .at(script.name)
        })?;
        match thrown {
            Some(thrown) if observed.events.is_empty() || told.interrupts.get() > INTERRUPTS_MAX => {
                Err(thrown)
            }
            thrown => Ok(Ran { observed, thrown }),
        }
    })
}

fn no_memory() -> WrongImport {
    WrongImport::new("there is no memory to run the script in", "end other programs")
}

/// Sets up what stands in for k6.
fn stand_in<'js>(ctx: &Ctx<'js>, script: &ScriptSource<'_>, pass: &ScriptPass<'_>) -> Result<(), Error> {
    let native = Object::new(ctx.clone())?;
    let (reads, base) = (Rc::clone(&script.reads), script.name.to_owned());
    let open = move |name: String| -> Option<String> {
        let bytes = reads(&modules::path(&base, &name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    native.set("open", Function::new(ctx.clone(), open)?)?;
    let base = script.name.to_owned();
    native.set("path", Function::new(ctx.clone(), move |name: String| modules::path(&base, &name))?)?;
    native.set("base64", Function::new(ctx.clone(), |text: String| STANDARD.encode(text))?)?;
    let decoded = |text: String| -> String {
        let standard = text.replace('-', "+").replace('_', "/");
        let bytes = STANDARD
            .decode(&standard)
            .or_else(|_| STANDARD.decode(format!("{standard}{}", "=".repeat((4 - standard.len() % 4) % 4))));
        bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    };
    native.set("base64_decoded", Function::new(ctx.clone(), decoded)?)?;
    let digest = |name: String, text: String| match name.as_str() {
        "md5" => hexadecimal(&md5::Md5::digest(text.as_bytes())),
        _ => hexadecimal(&Sha256::digest(text.as_bytes())),
    };
    native.set("digest", Function::new(ctx.clone(), digest)?)?;
    let keyed = |key: String, text: String| {
        let mut hmac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of HMAC has any length");
        hmac.update(text.as_bytes());
        hexadecimal(&hmac.finalize().into_bytes())
    };
    native.set("hmac", Function::new(ctx.clone(), keyed)?)?;
    ctx.globals().set("__native", native)?;
    for (name, text) in STAND_INS {
        let mut options = EvalOptions::default();
        options.filename = Some(name.to_owned());
        options.strict = false;
        ctx.eval_with_options::<(), _>(text, options)?;
    }
    let settings = serde_json::json!({
        "random": pass.random, "now_ms": NOW_MS, "environment": pass.environment, "statuses": pass.statuses,
        "scenario": pass.scenario, "requests_max": SCRIPT_REQUESTS_MAX,
    });
    let own: Object<'js> = ctx.globals().get("__vajra")?;
    own.set("settings", ctx.json_parse(settings.to_string())?)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Loads the script and what it imports; what it exports.
fn load<'js>(ctx: &Ctx<'js>, script: &ScriptSource<'_>) -> Result<Object<'js>, Error> {
    let (module, promise) = Module::declare(ctx.clone(), script.name, script.text)?.eval()?;
    settled(ctx, &promise)?;
    module.namespace()
}

/// Goes through one iteration.
fn drive<'js>(ctx: &Ctx<'js>, exports: &Object<'js>, exec: &str) -> Result<(), Error> {
    let own: Object<'js> = ctx.globals().get("__vajra")?;
    let drive: Function<'js> = own.get("drive")?;
    let promise: Promise<'js> = drive.call((exports.clone(), exec))?;
    settled(ctx, &promise)
}

fn result<'js>(ctx: &Ctx<'js>, exports: Object<'js>) -> Result<String, Error> {
    let own: Object<'js> = ctx.globals().get("__vajra")?;
    let result: Function<'js> = own.get("result")?;
    result.call((exports,))
}

/// Does what is waiting until a promise is kept or broken.
fn settled<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>) -> Result<(), Error> {
    let mut jobs = 0;
    while promise.state() == PromiseState::Pending {
        jobs += 1;
        if jobs > JOBS_MAX || !ctx.execute_pending_job() {
            return Err(Exception::throw_message(ctx, "a promise that the script waits for is never kept"));
        }
    }
    promise.result::<rquickjs::Value<'js>>().transpose().map(|_| ())
}

struct ScriptResolver {
    told: Rc<ScriptTold>,
}

impl Resolver for ScriptResolver {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String, Error> {
        match modules::module(base, name) {
            ScriptModule::Own(own) => Ok(format!("own:{own}")),
            ScriptModule::Foreign(name) => Ok(name),
            ScriptModule::File(path) => Ok(format!("file:{path}")),
            ScriptModule::Unknown(name) => {
                let problem = format!("`{name}` is imported, and is no module of k6 and no file");
                let fix =
                    "write `./` before the name of a file; packages have to be bundled into one, as for k6";
                let wrong = WrongImport::new(&problem, fix).at(base.trim_start_matches("file:"));
                *self.told.wrong.borrow_mut() = Some(wrong);
                Err(Exception::throw_message(ctx, &problem))
            }
        }
    }
}

struct ScriptLoader {
    reads: ReadsScriptFile,
    told: Rc<ScriptTold>,
}

impl Loader for ScriptLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>, Error> {
        if let Some(own) = name.strip_prefix("own:") {
            let keys: Vec<String> = ctx.eval(format!("Object.keys(__vajra.modules['{own}'])"))?;
            return Module::declare(ctx.clone(), name, exported(&format!("__vajra.modules['{own}']"), &keys));
        }
        let Some(path) = name.strip_prefix("file:") else {
            let names = self.told.names.borrow().get(name).cloned().unwrap_or_default();
            return Module::declare(ctx.clone(), name, absent(name, names));
        };
        let text = (self.reads)(path).and_then(|bytes| {
            String::from_utf8(bytes)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
        });
        match text {
            Ok(text) => {
                self.told.read(&text);
                Module::declare(ctx.clone(), name, text)
            }
            Err(error) => {
                let problem = format!("`{path}` is imported and cannot be read: {error}");
                let wrong =
                    WrongImport::new(&problem, "put it beside the script, as k6 would find it").at(path);
                *self.told.wrong.borrow_mut() = Some(wrong);
                Err(Exception::throw_message(ctx, &problem))
            }
        }
    }
}

/// A module that hands out what an expression has by these names.
fn exported(expression: &str, names: &[String]) -> String {
    let mut text = format!("const all = {expression};\n");
    for (number, name) in names.iter().enumerate() {
        let _ = writeln!(text, "const x{number} = all[{name:?}];\nexport {{ x{number} as {name} }};");
    }
    text
}

/// A module that is not translated, with what is asked of it.
fn absent(module: &str, mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    let mut text = format!("export default __vajra.absent({module:?});\n");
    for (number, name) in names.iter().enumerate() {
        let title = format!("{module}: {name}");
        let _ =
            writeln!(text, "const x{number} = __vajra.absent({title:?});\nexport {{ x{number} as {name} }};");
    }
    text
}

/// What was thrown, with its place in the script.
fn wrong(error: CaughtError<'_>, script: &str, told: &ScriptTold) -> WrongImport {
    if let Some(wrong) = told.wrong.borrow_mut().take() {
        return wrong;
    }
    if told.interrupts.get() > INTERRUPTS_MAX {
        let fix = "bound its loops: one iteration is run, with responses that are made up, so what waits for a certain answer waits for ever";
        return WrongImport::new("the script does not come to an end", fix).at(script);
    }
    let (message, stack) = match &error {
        CaughtError::Exception(exception) => {
            let message = exception.message().unwrap_or_default();
            let name: Option<String> = exception.as_object().get("name").ok();
            let message = name.map_or(message.clone(), |name| format!("{name}: {message}"));
            (message, exception.stack().unwrap_or_default())
        }
        CaughtError::Value(value) => (thrown_text(value), String::new()),
        CaughtError::Error(error) => (error.to_string(), String::new()),
    };
    let place = place(&stack, script);
    if message.contains("out of memory") || message.is_empty() {
        let problem = format!("the script needs more than {} MiB of memory", MEMORY_BYTES_MAX >> 20);
        return WrongImport::new(problem, "import it with smaller data").at(place);
    }
    let fix = match message.starts_with("SyntaxError") {
        true => {
            "write it as k6 reads it: JavaScript with `import` and `export`; TypeScript has to be compiled first"
        }
        false => {
            "responses are made up here: a 200 whose parts are values of the plan; what k6 does not need to know may be left out of the script"
        }
    };
    WrongImport::new(format!("the script throws: {message}"), fix).at(place)
}

fn thrown_text(value: &rquickjs::Value<'_>) -> String {
    let text = value.as_string().and_then(|text| text.to_string().ok());
    text.unwrap_or_else(|| format!("a value of type {}", value.type_name()))
}

/// The first place of a stack that is in a script and not in what stands in for k6.
fn place(stack: &str, script: &str) -> String {
    let own = |line: &&str| !line.contains("vajra:") && !line.contains("own:") && !line.contains("native");
    let found = stack.lines().filter(own).find_map(|line| {
        let inner = line.rsplit_once('(').map_or(line.trim().trim_start_matches("at "), |(_, inner)| inner);
        let mut parts = inner.trim_end_matches(')').rsplitn(3, ':');
        let (column, row) = (parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?);
        let file = parts.next()?.trim_start_matches("file:");
        Some(format!("{file}, line {row}, column {column}"))
    });
    found.unwrap_or_else(|| script.to_owned())
}
