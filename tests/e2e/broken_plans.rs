//! Plans as a new user writes them, with mistakes, and what is said of each
//!
//! Every mistake is told at its place, in plain words, with what to write; and the plan that is corrected as it says can be read.

use crate::e2e::bad_input::counting_target;
use crate::vajra::Vajra;
use engine::config::{Document, Format, Layers};
use engine::plan::{Plan, Purpose};
use std::sync::atomic::Ordering;

/// A plan with mistakes. `HOST` stands for a target that is there.
struct Broken {
    format: Format,
    plan: &'static str,
    /// Of each mistake: where it is, and what has to be said of it.
    mistakes: &'static [(&'static str, &'static [&'static str])],
    /// The plan, corrected as the messages say.
    corrected: &'static str,
}

type Mistakes = &'static [(&'static str, &'static [&'static str])];

const fn toml(plan: &'static str, mistakes: Mistakes, corrected: &'static str) -> Broken {
    Broken { format: Format::Toml, plan, mistakes, corrected }
}

const fn json(plan: &'static str, mistakes: Mistakes, corrected: &'static str) -> Broken {
    Broken { format: Format::Json, plan, mistakes, corrected }
}

/// TLS, and how HTTP is spoken.
const CONNECTIONS: &[Broken] = &[
    toml(
        "url = \"http://HOST/\"\n[tls]\nversions = \"1.3\"\n",
        &[("2:", &["TLS is asked for, and no target's URL begins with `https://`", "write `https://…`"])],
        "url = \"https://HOST/\"\n[tls]\nversions = \"1.3\"\n",
    ),
    toml(
        "url = \"https://HOST/\"\n[tls]\nca = \"ca.pem\"\ncert = \"c.pem\"\nversions = \"TLSv1.3\"\nresumption = \"no\"\nverfy = true\n\
         ciphers = [\"ECDHE-RSA-AES128-GCM-SHA256\"]\n",
        &[
            ("3:6", &["`ca.pem` cannot be read", "from where Vajra is started"]),
            ("4:8", &["`c.pem` cannot be read"]),
            ("5:12", &["`TLSv1.3` is not a list of versions of TLS", "write `versions = \"1.3\"`"]),
            ("6:14", &["`resumption` is true or false", "write `resumption = false`"]),
            ("7:1", &["unknown key `verfy`", "did you mean `verify`?"]),
            ("8:11", &["is not a cipher suite", "write `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`"]),
        ],
        "url = \"https://HOST/\"\n[tls]\nversions = \"1.3\"\nresumption = false\nverify = true\n\
         ciphers = [\"TLS_AES_128_GCM_SHA256\"]\n",
    ),
    toml(
        "url = \"http://HOST/\"\nnoConnectionReuse = true\n[http]\nversion = \"2\"\nkeepalive = false\n",
        &[
            ("2:1", &["unknown key `noConnectionReuse`", "write `reuse = false` under `[http]`"]),
            ("4:11", &["whether HTTP/2 is spoken", "write `version = \"2-prior-knowledge\"`", "https://"]),
            ("5:1", &["unknown key `keepalive`", "write `reuse` instead"]),
        ],
        "url = \"http://HOST/\"\n[http]\nversion = \"1.1\"\nreuse = false\n",
    ),
    json(
        "{\"url\": \"https://HOST/\", \"insecureSkipTLSVerify\": true, \"connect\": \"10.0.0.7\"}",
        &[
            ("1:37", &["unknown key `insecureSkipTLSVerify`", "`verify = false` under `[tls]`"]),
            ("1:", &["`10.0.0.7` is not HOST:PORT", "10.0.0.7:8443"]),
        ],
        "{\"url\": \"https://HOST/\", \"tls\": {\"verify\": false}, \"connect\": \"10.0.0.7:8443\"}",
    ),
];

/// Unknown keys: mistyped, of another table, of another program.
const KEYS: &[Broken] = &[
    toml(
        "url = \"http://HOST/\"\n[run]\nconections = 5\n",
        &[("3:1", &["unknown key `conections`", "did you mean `connections`?"])],
        "url = \"http://HOST/\"\n[run]\nconnections = 5\n",
    ),
    toml(
        "uri = \"http://HOST/\"\n",
        &[("1:1", &["unknown key `uri`", "write `url` instead"])],
        "url = \"http://HOST/\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\nconnections = 5\nduration = \"1s\"\nrate = 5\n",
        &[
            ("2:1", &["unknown key `connections`", "write `connections` under `[run]`"]),
            ("3:1", &["unknown key `duration`", "write `duration` under `[run]`"]),
            ("4:1", &["unknown key `rate`", "write `rate` under `[load]`"]),
        ],
        "url = \"http://HOST/\"\n[run]\nconnections = 5\nduration = \"1s\"\n[load]\nrate = 5\n",
    ),
    toml(
        "[run]\nurl = \"http://HOST/\"\n",
        &[("2:1", &["unknown key `url`", "stands at the top: write it above the first `[table]`"])],
        "url = \"http://HOST/\"\n[run]\n",
    ),
    toml(
        "[headers]\nAccept = \"x\"\nurl = \"http://HOST/\"\n",
        &[("3:7", &["no target", "`url` stands under `[headers]`", "above the first `[table]`"])],
        "url = \"http://HOST/\"\n[headers]\nAccept = \"x\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\nvus = 10\niterations = 100\n[options]\nrps = 50\n",
        &[
            ("2:1", &["unknown key `vus`", "write `connections` under `[run]`"]),
            ("3:1", &["unknown key `iterations`", "write `requests` under `[run]`"]),
            ("4:2", &["unknown key `options`", "leave it out"]),
            ("5:1", &["unknown key `rps`", "write `rate` under `[load]`"]),
        ],
        "url = \"http://HOST/\"\n[run]\nconnections = 10\nrequests = 100\n[load]\nrate = 50\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[requests]\npath = \"/a\"\n",
        &[("2:2", &["unknown key `requests`", "write `[[request]]`"])],
        "url = \"http://HOST/\"\n[[request]]\npath = \"/a\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[scenarios.read]\nload = { rate = 5 }\n",
        &[("2:2", &["unknown key `scenarios`", "write `[scenario.NAME]`"])],
        "url = \"http://HOST/\"\n[scenario.read]\nload = { rate = 5 }\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[scenario.read]\nrate = 5\nvus = 3\n[[scenario.read.requests]]\nget = \"/\"\n",
        &[
            ("3:1", &["unknown key `rate`", "write `rate` under `[scenario.read.load]`"]),
            ("4:1", &["unknown key `vus`", "write `connections` instead"]),
            ("5:17", &["`requests` is a number of requests", "`[[scenario.read.request]]`"]),
        ],
        "url = \"http://HOST/\"\n[scenario.read]\nload = { rate = 5 }\nconnections = 3\n[[scenario.read.request]]\nget = \"/\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[load]\ntype = \"ramp\"\nfrom = 1\nto = 9\n",
        &[("3:1", &["unknown key `type`", "write `shape` instead"])],
        "url = \"http://HOST/\"\n[load]\nshape = \"ramp\"\nfrom = 1\nto = 9\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[[request]]\nverb = \"PUT\"\ndata = \"x\"\ntimeout = \"1s\"\nwieght = 2\n",
        &[
            ("3:1", &["unknown key `verb`", "write `method` instead"]),
            ("4:1", &["unknown key `data`", "write `body` instead"]),
            ("5:1", &["unknown key `timeout`", "write `timeout` under `[run]`"]),
            ("6:1", &["unknown key `wieght`", "did you mean `weight`?"]),
        ],
        "url = \"http://HOST/\"\n[run]\ntimeout = \"1s\"\n[[request]]\nmethod = \"PUT\"\nbody = \"x\"\nweight = 2\n",
    ),
    toml(
        "[[request]]\nurl = \"http://HOST/items\"\n",
        &[("2:1", &["unknown key `url`", "write `path = \"/items\"` here", "as the plan's"])],
        "url = \"http://HOST\"\n[[request]]\npath = \"/items\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[load]\nshape = \"stages\"\n[[load.stages]]\nduration = \"1s\"\ntarget = 10\n",
        &[("6:1", &["unknown key `target`", "write `shape = \"ramp\"` with `from` and `to`"])],
        "url = \"http://HOST/\"\n[load]\nshape = \"stages\"\n[[load.stages]]\nduration = \"1s\"\nshape = \"ramp\"\nfrom = 0\nto = 10\n",
    ),
    toml(
        "url = \"http://HOST/\"\nfoo = 1\n",
        &[("2:1", &["unknown key `foo`", "known here: basic, bearer, breaker, connect, cookies, feed,"])],
        "url = \"http://HOST/\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[target.api]\nhost = \"http://HOST/\"\n[scenario.a]\ntarget = \"api\"\n[scenario.b]\n",
        &[("3:1", &["unknown key `host`", "write `url` instead"])],
        "url = \"http://HOST/\"\n[target.api]\nurl = \"http://HOST/\"\n[scenario.a]\ntarget = \"api\"\n[scenario.b]\n",
    ),
];

/// Values of a wrong kind.
const KINDS: &[Broken] = &[
    toml(
        "url = \"http://HOST/\"\n[run]\nshards = \"two\"\nconnections = \"5\"\n",
        &[
            ("3:10", &["whole number from 1 to 1,024", "the text `\"two\"`", "write `shards = 1`"]),
            ("4:15", &["whole number from 1 to 1,000,000", "write `connections = 5`"]),
        ],
        "url = \"http://HOST/\"\n[run]\nshards = 1\nconnections = 5\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[run]\npipeline = 0\nseed = -1\n[[request]]\nweight = 5000000000\n",
        &[
            ("3:12", &["whole number from 1 to 1,024", "the number 0", "write `pipeline = 1`"]),
            ("4:8", &["a whole number from 0 on", "write `seed = 0`"]),
            ("6:10", &["from 0 to 4,294,967,295", "write `weight = 4294967295`"]),
        ],
        "url = \"http://HOST/\"\n[run]\npipeline = 1\nseed = 0\n[[request]]\nweight = 4294967295\n",
    ),
    toml(
        "url = true\n[run]\nduration = { s = 5 }\n",
        &[
            ("1:7", &["`url` is a text or a number", "`true`", "write `url = \"http://host:port/\"`"]),
            ("3:1", &["`duration` is a text", "a table", "write `duration = \"10s\"`"]),
        ],
        "url = \"http://host:80/\"\n[run]\nduration = \"10s\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\nheaders = [\"Accept: x\", \"X-A: b\"]\n",
        &[("2:11", &["`headers` is a table", "a list", "write `headers = { Accept = \"x\", X-A = \"b\" }`"])],
        "url = \"http://HOST/\"\nheaders = { Accept = \"x\", X-A = \"b\" }\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[headers]\nAccept = true\nX-B = [1, [2]]\n",
        &[
            ("3:10", &["`Accept` is a text or a number", "write `Accept = \"true\"`"]),
            ("4:11", &["each of `X-B` is a text or a number", "a list", "write `\"text\"`"]),
        ],
        "url = \"http://HOST/\"\n[headers]\nAccept = \"true\"\nX-B = [1, \"text\"]\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[request]\npath = \"/a\"\n",
        &[("2:2", &["`request` is a list of tables", "write `[[request]]`"])],
        "url = \"http://HOST/\"\n[[request]]\npath = \"/a\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[request.login]\npath = \"/a\"\n[request.find]\npath = \"/b\"\n",
        &[("2:2", &["`request` is a list of tables", "write `[[request]]` for each, with a `name` in it"])],
        "url = \"http://HOST/\"\n[[request]]\nname = \"login\"\npath = \"/a\"\n[[request]]\nname = \"find\"\npath = \"/b\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\nrequest = [\"/a\", \"/b\"]\n",
        &[
            ("2:12", &["each of `request` is a table", "write `{ get = \"/a\" }`"]),
            ("2:18", &["each of `request` is a table", "write `{ get = \"/b\" }`"]),
        ],
        "url = \"http://HOST/\"\nrequest = [{ get = \"/a\" }, { get = \"/b\" }]\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[[run]]\nduration = \"1s\"\n",
        &[("2:3", &["there is one `run`", "write `[run]`"])],
        "url = \"http://HOST/\"\n[run]\nduration = \"1s\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\nload = 100\nrun = \"10s\"\n",
        &[
            ("2:8", &["`load` is a table", "the number 100", "write `load = { rate = 100 }`"]),
            ("3:7", &["`run` is a table", "write `[run]`, with keys and values in it"]),
        ],
        "url = \"http://HOST/\"\nload = { rate = 100 }\n[run]\nduration = \"10s\"\n",
    ),
    toml(
        "target = \"http://HOST/\"\n",
        &[("1:10", &["`target` is a table of targets", "write `url = \"http://"])],
        "url = \"http://HOST/\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[[scenario]]\nname = \"read\"\nload = { rate = \"x\" }\n",
        &[
            ("2:3", &["each scenario is a table with its name", "write `[scenario.read]` instead"]),
            ("4:17", &["`x` is not a rate", "write `rate = \"1k\"` or the like"]),
        ],
        "url = \"http://HOST/\"\n[scenario.read]\nload = { rate = \"1k\" }\n",
    ),
    toml(
        "url = \"http://HOST/\"\nthresholds = [\"p(99)<50ms\", \"failed rate<1%\"]\n",
        &[("2:14", &["`thresholds` is a table", "response = \"p(99)<50ms\"", "failed = \"rate<1%\""])],
        "url = \"http://HOST/\"\nthresholds = { response = \"p(99)<50ms\", failed = \"rate<1%\" }\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[[request]]\nbody = { a = 1 }\ntemplate = \"yes\"\n",
        &[
            ("3:1", &["`body` is a text", "a table", "write `json = { a = 1 }` or let `body` be a file"]),
            ("4:12", &["`template` is true or false", "write `template = true`"]),
        ],
        "url = \"http://HOST/\"\n[[request]]\njson = { a = 1 }\ntemplate = true\n",
    ),
];

/// Values of the right kind that say nothing, or too much.
const VALUES: &[Broken] = &[
    toml(
        "url = \"http://HOST/\"\n[run]\nduration = 10\nwarmup = \"5 parsecs\"\ntimeout = \"1m30s\"\ninterval = \"1,5s\"\n",
        &[
            ("3:12", &["`10` has no unit", "write `duration = \"10s\"`"]),
            ("4:10", &["`5 parsecs` is not a duration", "write `warmup = \"10s\"` or the like"]),
            ("5:11", &["`1m30s` is not a duration", "write `timeout = \"90s\"`"]),
            ("6:12", &["`1,5s` is not a duration", "write `interval = \"1.5s\"`"]),
        ],
        "url = \"http://HOST/\"\n[run]\nduration = \"20s\"\nwarmup = \"10s\"\ntimeout = \"90s\"\ninterval = \"1.5s\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[load]\nrate = \"100-5000\"\n",
        &[("3:8", &["two rates", "`shape = \"ramp\"`, `from = \"100\"`, `to = \"5000\"`"])],
        "url = \"http://HOST/\"\n[load]\nshape = \"ramp\"\nfrom = \"100\"\nto = \"5000\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[load]\nrate = \"1e3\"\n",
        &[("3:8", &["`1e3` is not a rate", "write `rate = \"1000\"`"])],
        "url = \"http://HOST/\"\n[load]\nrate = \"1000\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[load]\nrate = \"50 req/sec\"\narrivals = \"exponential\"\noverload = \"drop\"\n",
        &[
            ("3:8", &["`sec` is not a unit of a rate", "write `rate = \"50\"`"]),
            ("4:12", &["`exponential` is not a way to arrive", "did you mean `poisson`?"]),
            ("5:12", &["`drop` is not an overload policy", "did you mean `shed`?"]),
        ],
        "url = \"http://HOST/\"\n[load]\nrate = \"50\"\narrivals = \"poisson\"\noverload = \"shed\"\ndeadline = \"100ms\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[load]\nfrom = 1\nto = 100\n",
        &[("3:1", &["a load with `from` and `to` needs its shape", "write `shape = \"ramp\"`"])],
        "url = \"http://HOST/\"\n[load]\nshape = \"ramp\"\nfrom = 1\nto = 100\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[load]\nshape = \"sine\"\nmean = 0\nrates = [1, \"x\"]\n",
        &[
            ("2:2", &["a load of shape `sine` needs `amplitude`", "write `amplitude = 100` or the like"]),
            ("2:2", &["a load of shape `sine` needs `period`", "write `period = \"10s\"` or the like"]),
            ("4:8", &["a rate of 0 offers nothing"]),
            ("5:9", &["`rates` means nothing to a load of shape `sine`", "leave it out"]),
            ("5:13", &["`x` is not a rate", "write `\"1k\"` or the like"]),
        ],
        "url = \"http://HOST/\"\n[load]\nshape = \"sine\"\nmean = 100\namplitude = 100\nperiod = \"10s\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[load]\nshape = \"linear\"\nfrom = 1\nto = 9\nduration = \"5s\"\n",
        &[("3:9", &["`linear` is not a shape", "did you mean `ramp`?"])],
        "url = \"http://HOST/\"\n[load]\nshape = \"ramp\"\nfrom = 1\nto = 9\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[load]\nrate = 9\nduration = \"5s\"\n",
        &[("4:12", &["`duration` means nothing", "`duration` under `[run]`"])],
        "url = \"http://HOST/\"\n[load]\nrate = 9\n[run]\nduration = \"5s\"\n",
    ),
    toml(
        "url = \"htps://HOST/\"\n[run]\nwait = \"spinn\"\ncores = \"a-b\"\nuntil = \"p99 2%\"\nrequests = \"10,000\"\n",
        &[
            ("1:7", &["scheme `htps` is not supported", "write `url = \"http://"]),
            ("3:8", &["`spinn` is not a way to wait", "did you mean `spin`?"]),
            ("4:9", &["`a-b` is not a list of cores", "write `\"1,3-5\"`"]),
            ("5:9", &["has no ±", "write `\"p99 ± 2%\"`"]),
            ("6:12", &["`10,000` is not a whole number", "write `requests = \"10000\"`"]),
        ],
        "url = \"http://HOST/\"\n[run]\nwait = \"spin\"\ncores = \"1,3-5\"\nuntil = \"p99 ± 2%\"\nrequests = \"10000\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[[request]]\nmethod = \"GTE\"\npath = \"items/{{random 1 9}}/{{nope}}\"\n",
        &[
            ("3:10", &["`GTE` is no method", "write `method = \"GET\"`"]),
            ("4:8", &["must start with `/`"]),
            ("4:15", &["`{{random 1 9}}` is not known", "write `{{rand 1 9}}`"]),
            ("4:30", &["`{{nope}}` is not known", "there are `{{seq}}`"]),
        ],
        "url = \"http://HOST/\"\n[[request]]\nmethod = \"GET\"\npath = \"/items/{{rand 1 9}}/{{seq}}\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[[request]]\npath = \"items\"\nbody = \"{{rand 9 1}} {{seq\"\nheaders = { X = \"{{guid}}\" }\n",
        &[
            ("3:8", &["must start with `/`", "write `path = \"/items\"`"]),
            ("4:9", &["above its end", "write `{{rand 1 9}}`"]),
            ("4:22", &["`{{` without `}}`", "close it"]),
            ("5:18", &["`{{guid}}` is not known", "write `{{uuid}}`"]),
        ],
        "url = \"http://HOST/\"\n[[request]]\npath = \"/items\"\nbody = \"{{rand 1 9}} {{seq}}\"\nheaders = { X = \"{{uuid}}\" }\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[thresholds]\nhttp_req_duration = [\"p(95)<500\", \"max<1s\"]\nhttp_req_failed = \"rate<0.01\"\n",
        &[
            ("3:1", &["`http_req_duration` is not a metric", "write `response`"]),
            ("3:22", &["`500` has no unit", "write `\"p(95)<500ms\"`"]),
            ("4:1", &["`http_req_failed` is not a metric", "write `failed`"]),
        ],
        "url = \"http://HOST/\"\n[thresholds]\nresponse = [\"p(95)<500ms\", \"max<1s\"]\nfailed = \"rate<0.01\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[thresholds]\np99 = \"<50ms\"\nresponse = \"p(101)<1s\"\nfailed = \"rate\"\n",
        &[
            ("3:1", &["`p99` is not a metric", "write `response = \"p99<50ms\"`"]),
            ("4:12", &["`p(101)` is not a percentile", "between 0 and 100"]),
            ("5:10", &["compares nothing", "failed rate<0.1%"]),
        ],
        "url = \"http://HOST/\"\n[thresholds]\nresponse = [\"p99<50ms\", \"p(99.9)<1s\"]\nfailed = \"rate<0.1%\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[run]\ntimeout = 5\n[thresholds]\n\"response{scenario=raed}\" = \"max<1s\"\n[scenario.read]\nafter = \"wirte\"\n[scenario.write]\ntarget = \"apy\"\n[target.api]\nurl = \"http://HOST/\"\n",
        &[
            ("3:11", &["`5` has no unit", "write `timeout = \"5s\"`"]),
            ("5:29", &["there is no scenario `raed`", "did you mean `read`?"]),
            ("7:9", &["there is no scenario `wirte`", "did you mean `write`?"]),
            ("9:10", &["there is no target `apy`", "did you mean `api`?"]),
        ],
        "url = \"http://HOST/\"\n[run]\ntimeout = \"5s\"\n[thresholds]\n\"response{scenario=read}\" = \"max<1s\"\n[scenario.read]\nafter = \"write\"\n[scenario.write]\ntarget = \"api\"\n[target.api]\nurl = \"http://HOST/\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[run]\nduration = \"10\"\nwarmup = \"20s\"\n[load]\nrat = 5\n[thresholds]\nrate = \"ratio>0.9\"\n",
        &[
            ("3:12", &["`10` has no unit", "write `duration = \"10s\"`"]),
            ("6:1", &["unknown key `rat`", "did you mean `rate`?"]),
        ],
        "url = \"http://HOST/\"\n[run]\nduration = \"30s\"\nwarmup = \"20s\"\n[load]\nrate = 5\n[thresholds]\nrate = \"ratio>0.9\"\n",
    ),
    toml(
        "[run]\nshards = 3\nconnections = 2\nwarmup = \"20s\"\n",
        &[
            ("", &["no target", "give a URL, or `url = \"http://host:port/\"`"]),
            ("3:15", &["2 connections cannot be shared by 3 shards", "at least one connection"]),
            ("4:10", &["a warm-up of 20.0 s leaves nothing of a run of 10.0 s", "make it shorter"]),
        ],
        "url = \"http://HOST/\"\n[run]\nshards = 3\nconnections = 3\nwarmup = \"5s\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[[request]]\nget = \"/\"\npost = \"/\"\nheaders = { \"bad name\" = \"x\", Content-Length = 5 }\n",
        &[
            ("4:8", &["`get` says method and path, and so does `post`", "leave one out"]),
            ("5:26", &["`bad name` is not a header name"]),
            ("5:48", &["`Content-Length` is set by Vajra", "leave it out"]),
        ],
        "url = \"http://HOST/\"\n[[request]]\nget = \"/\"\nheaders = { bad-name = \"x\" }\n",
    ),
];

/// What is no TOML.
const SYNTAX: &[Broken] = &[
    toml(
        "url = \"http://HOST/\"\nload.rate = 10 000\nrun.timeout = 5sec\nrun.duration = 1m\n",
        &[
            ("2:13", &["`10 000` is a text", "write `load.rate = \"10000\"`"]),
            ("3:16", &["`5sec` is a text", "write `run.timeout = \"5s\"`"]),
            ("4:16", &["`1m` is a text", "write `run.duration = \"1m\"`"]),
        ],
        "url = \"http://HOST/\"\nload.rate = \"10000\"\nrun.timeout = \"5s\"\nrun.duration = \"1m\"\n",
    ),
    toml(
        "url = http://HOST/\n[run]\nduration = 10s\nconections = 3\n",
        &[
            ("1:7", &["is a text, and texts stand in quotes", "write `url = \"http://"]),
            ("3:12", &["`10s` is a text", "write `duration = \"10s\"`"]),
            ("4:1", &["did you mean `connections`?"]),
        ],
        "url = \"http://HOST/\"\n[run]\nduration = \"10s\"\nconnections = 3\n",
    ),
    toml(
        "url: http://HOST/\nname: a\n",
        &[
            ("1:4", &["this is no `name = value`", "write `url = \"http://"]),
            ("2:5", &["this is no `name = value`", "write `name = \"a\"`"]),
        ],
        "url = \"http://HOST/\"\nname = \"a\"\n",
    ),
    toml(
        "url = \"http://HOST/\"\nname = \"a\n",
        &[("2:9", &["a text is not closed", "write `\"` at its end"])],
        "url = \"http://HOST/\"\nname = \"a\"\n",
    ),
    toml(
        "url = \"http://HOST/\",\n[run\nshards = 1\n",
        &[("1:", &["leave the comma out"]), ("2:4", &["not closed", "write `[run]`"])],
        "url = \"http://HOST/\"\n[run]\nshards = 1\n",
    ),
    toml(
        "url = \"http://HOST/\"\n[run]\nshards = 1\n[run]\nshards = 2\n",
        &[("4:2", &["there is a table `[run]` already", "write its keys under the first one"])],
        "url = \"http://HOST/\"\n[run]\nshards = 2\n",
    ),
    toml(
        "config:\n  target: http://HOST/\n",
        &[("1:1", &["this is YAML", "TOML or JSON"])],
        "url = \"http://HOST/\"\n",
    ),
    toml(
        "import http from 'k6/http';\nexport const options = { vus: 10 };\n",
        &[("1:1", &["this is a script, and not a plan", "write a plan in TOML"])],
        "url = \"http://HOST/\"\n",
    ),
];

/// The same in JSON.
const IN_JSON: &[Broken] = &[
    json(
        "{\n \"url\": \"http://HOST/\",\n \"vus\": 10,\n \"duration\": \"30\",\n \"run\": {\"shards\": \"2\"}\n}",
        &[
            ("3:2", &["unknown key `vus`", "write `connections` under `\"run\": {…}`"]),
            ("4:2", &["unknown key `duration`", "write `duration` under `\"run\": {…}`"]),
            ("4:14", &["`30` has no unit", "write `\"duration\": \"30s\"`"]),
            ("5:20", &["a whole number from 1 to 1,024", "write `\"shards\": 2`"]),
        ],
        "{\n \"url\": \"http://HOST/\",\n \"run\": {\"shards\": 2, \"connections\": 10, \"duration\": \"30s\"}\n}",
    ),
    json(
        "{\n \"url\": \"http://HOST/\",\n}",
        &[("2:", &["a comma with nothing after it", "leave this comma out"])],
        "{\n \"url\": \"http://HOST/\"\n}",
    ),
    json(
        "{\n // the target\n \"url\": \"http://HOST/\"\n}",
        &[("2:2", &["JSON has no comments", "leave it out"])],
        "{\n \"url\": \"http://HOST/\"\n}",
    ),
    json(
        "{\n \"url\": \"http://HOST/\",\n \"name\": null,\n \"request\": {\"path\": \"/a\", \"body\": {\"n\": 1}}\n}",
        &[
            ("3:10", &["`null` is no value of a plan", "leave the key out"]),
            ("4:2", &["`request` is a list of tables", "write `\"request\": [{…}]`"]),
            ("4:28", &["`body` is a text", "write `\"json\": {\"n\": 1}`"]),
        ],
        "{\n \"url\": \"http://HOST/\",\n \"request\": [{\"path\": \"/a\", \"json\": {\"n\": 1}}]\n}",
    ),
    json(
        "{\n \"config\": {\"target\": \"http://HOST/\", \"phases\": [{\"duration\": 60, \"arrivalRate\": 5}]}\n}",
        &[
            ("2:2", &["unknown key `config`", "leave it out"]),
            ("2:23", &["`target` is a table of targets", "write `\"url\": \"http://"]),
            ("2:", &["unknown key `phases`", "write `\"load\": {\"stages\": [{…}]}`"]),
            ("2:", &["unknown key `arrivalRate`", "write `rate` instead"]),
            ("2:", &["`60` has no unit", "write `\"duration\": \"60s\"`"]),
            ("2:", &["a load with `stages` needs its shape", "write `\"shape\": \"stages\"`"]),
        ],
        "{\n \"url\": \"http://HOST/\", \"load\": {\"shape\": \"stages\", \"stages\": [{\"duration\": \"60s\", \"rate\": 5}]}\n}",
    ),
    json(
        "{\n \"url\": \"http://HOST/\",\n \"headers\": \"Accept: x\",\n \"url\": \"http://HOST/b\"\n}",
        &[
            ("3:13", &["`headers` is a table", "write `\"headers\": {\"Accept\": \"x\"}`"]),
            ("4:2", &["`url` stands here twice", "leave one out"]),
        ],
        "{\n \"url\": \"http://HOST/\",\n \"headers\": {\"Accept\": \"x\"}\n}",
    ),
];

/// What no message says: words of libraries, and what is said twice.
const NEVER: [&str; 14] = [
    "error: error",
    "invalid type",
    "expected",
    "u32",
    "u64",
    "i64",
    "sequence",
    " map",
    "struct",
    "serde",
    "unknown field",
    "unknown variant",
    "deserial",
    "Some(",
];

#[test]
fn every_mistake_of_a_plan_is_told_so_that_it_can_be_corrected_at_the_first_try() {
    let (port, count) = counting_target();
    let host = format!("127.0.0.1:{port}");
    let all: Vec<&Broken> =
        [CONNECTIONS, KEYS, KINDS, VALUES, SYNTAX, IN_JSON].into_iter().flatten().collect();
    assert!(all.len() >= 40, "{} plans", all.len());
    let mut complaints = Vec::new();
    for broken in all {
        let Broken { format, plan, mistakes, corrected } = broken;
        let name = if *format == Format::Toml { "plan.toml" } else { "plan.json" };
        let done =
            Vajra::new(&["run", name]).file(name, &plan.replace("HOST", &host)).variable("COLUMNS", "80");
        let done = done.done();
        let mut complain = |what: String| complaints.push(format!("{what}\n{plan}\n{}", done.stderr));
        if done.code != 2 {
            complain(format!("code {}", done.code));
        }
        if let Some(said) = NEVER.iter().find(|word| done.stderr.contains(**word)) {
            complain(format!("`{said}` is said"));
        }
        if let Some(line) = done.stderr.lines().find(|line| line.chars().count() > 80) {
            complain(format!("a line of {} columns: {line}", line.chars().count()));
        }
        for missing in missing(&done.stderr, name, mistakes) {
            complain(missing);
        }
        if let Err(why) = read(&corrected.replace("HOST", &host), *format) {
            complain(format!("the corrected plan is refused: {why}\n{corrected}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n=========\n"));
    assert_eq!(count.load(Ordering::SeqCst), 0, "nothing was sent");
}

/// Words of a command line, variables beside it, and of each mistake where it is and what has to be said of it.
type Typed = (&'static [&'static str], &'static [(&'static str, &'static str)], Mistakes);

const TYPED: &[Typed] = &[
    (&["-R", "100-5000"], &[], &[("flag -R 100-5000", &["two rates", "write `-R 100:5000`"])]),
    (&["-d", "10sec"], &[], &[("flag -d 10sec", &["`10sec` is not a duration", "write `-d 10s`"])]),
    (
        &["-R", "1e3", "-n", "1e6"],
        &[],
        &[
            ("flag -R 1e3", &["`1e3` is not a rate", "write `-R 1000`"]),
            ("flag -n 1e6", &["`1e6` is not a whole number", "write `-n 1000000`"]),
        ],
    ),
    (
        &["--wait", "nap", "--arrivals", "poison", "-R", "5", "-H", "no colon", "--interval", "ten"],
        &[],
        &[
            ("flag --wait nap", &["`nap` is not a way to wait", "there are `spin`, `park` and `auto`"]),
            ("flag --arrivals poison", &["did you mean `poisson`?"]),
            ("flag -H no …", &["there is no colon in it", "`-H 'Accept: text/html'`"]),
            ("flag --interval ten", &["`ten` is not a duration", "write `--interval 10s`"]),
        ],
    ),
    (
        &["--threshold", "latency p(99)<5ms", "--threshold", "response p(99)<5"],
        &[],
        &[
            ("flag --threshold 'latency p(99)<5ms'", &["not a metric", "did you mean `response`?"]),
            ("flag --threshold 'response p(99)<5'", &["`5` has no unit", "write `p(99)<5ms`"]),
        ],
    ),
    (
        &["-b", "{{counter}} {{uuid}}", "-m", "PSOT"],
        &[],
        &[
            ("flag -b {{counter}} {{uuid}}", &["`{{counter}}` is not known", "write `{{seq}}`"]),
            ("flag -m PSOT", &["`PSOT` is no method", "write `-m POST`"]),
        ],
    ),
    (
        &["-k", "--tlsv1.3", "--tls-max", "1.2", "--resolve", "h:80:name", "--connect-to", "other:443:h:1"],
        &[],
        &[
            (
                "flag -k",
                &["`-k` is about certificates", "write an `https://`, `wss://`, `grpcs://` or `tls://` URL"],
            ),
            ("flag --tlsv1.3 --tls-max 1.2", &["no version of TLS is at least 1.3 and at most 1.2"]),
            ("flag --resolve h:80:name", &["`name` is not an address", "`--connect-to`"]),
            (
                "flag --connect-to other:443:h:1",
                &["no target has this host and port", "targets are 127.0.0.1:"],
            ),
        ],
    ),
    (
        &["--cacert", "ca.pem", "--groups", "x25519"],
        &[],
        &[(
            "flag --cacert ca.pem",
            &["TLS is asked for", "write `https://…`, `wss://…`, `grpcs://…` or `tls://…` as its URL"],
        )],
    ),
    (
        &["--url", "https://127.0.0.1:1/", "--cacert", "none.pem", "--cert", "c.pem", "--groups", "P-256"],
        &[("VAJRA_TLS__VERSIONS", "1.4"), ("VAJRA_TLS__RESUME", "false")],
        &[
            ("flag --cacert none.pem", &["`none.pem` cannot be read"]),
            ("flag --cert c.pem", &["`c.pem` cannot be read"]),
            ("flag --groups P-256", &["`P-256` is not a group", "write `secp256r1`"]),
            ("environment VAJRA_TLS__VERSIONS=1.4", &["`1.4` is not a list of versions", "1.2-1.3"]),
            ("environment VAJRA_TLS__RESUME=false", &["unknown key `resume`", "write `resumption` instead"]),
        ],
    ),
    (
        &["--disable-keepalive", "--pipeline", "4"],
        &[],
        &[("flag --disable-keepalive", &["has one request under way at a time", "a pipeline of 1"])],
    ),
    (
        &[],
        &[("VAJRA_RUN__CONECTIONS", "5"), ("VAJRA_RUN__TIMEOUT", "5"), ("VAJRA_RAN__WAIT", "nap")],
        &[
            (
                "environment VAJRA_RUN__CONECTIONS=5",
                &["unknown key `conections`", "did you mean `connections`?"],
            ),
            ("environment VAJRA_RUN__TIMEOUT=5", &["has no unit", "write `VAJRA_RUN__TIMEOUT=5s`"]),
            ("environment VAJRA_RAN__WAIT=nap", &["unknown key `ran`", "did you mean `run`?"]),
            ("environment VAJRA_RAN__WAIT=nap", &["`nap` is not a way to wait"]),
        ],
    ),
    (
        &["-c", "2"],
        &[("VAJRA_RUN__SHARDS", "two"), ("VAJRA_LOAD__RATES", "[1, \"x\"]")],
        &[
            ("environment VAJRA_RUN__SHARDS=two", &["whole number from 1 to 1,024", "VAJRA_RUN__SHARDS=1`"]),
            ("environment VAJRA_LOAD__RATES=[1, \"x\"]", &["`x` is not a rate"]),
            ("environment VAJRA_LOAD__RATES=[1, \"x\"]", &["a load with `rates` needs its shape"]),
        ],
    ),
];

#[test]
fn mistakes_in_flags_and_variables_are_told_at_once_and_each_by_its_name() {
    let (port, count) = counting_target();
    let url = format!("http://127.0.0.1:{port}/");
    let mut complaints = Vec::new();
    for (words, variables, mistakes) in TYPED {
        let vajra = Vajra::new(&[&["run", url.as_str()][..], words].concat()).variable("COLUMNS", "80");
        let vajra = variables.iter().fold(vajra, |vajra, (name, value)| vajra.variable(name, value));
        let done = vajra.done();
        let blocks: Vec<&str> =
            done.stderr.split("\n\n").filter(|block| block.starts_with("error:")).collect();
        let is_told = |(place, parts): &(&str, &[&str])| {
            blocks.iter().any(|block| block.contains(place) && parts.iter().all(|part| block.contains(part)))
        };
        let is_all = mistakes.iter().all(is_told) && blocks.len() == mistakes.len() && done.code == 2;
        let is_plain = !NEVER.iter().any(|word| done.stderr.contains(word));
        let is_narrow = done.stderr.lines().all(|line| line.chars().count() <= 80);
        if !(is_all && is_plain && is_narrow) {
            complaints.push(format!("{words:?} {variables:?}: code {}\n{}", done.code, done.stderr));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n=========\n"));
    assert_eq!(count.load(Ordering::SeqCst), 0, "nothing was sent");
}

#[test]
fn variables_of_kubernetes_are_ignored_and_what_may_have_been_meant_is_noted() {
    let run = |variables: &[(&str, &str)]| {
        let vajra = Vajra::new(&["check", "testbed:"]);
        variables.iter().fold(vajra, |vajra, (name, value)| vajra.variable(name, value)).done()
    };
    let quiet = run(&[
        ("VAJRA_PORT", "tcp://10.0.0.1:80"),
        ("VAJRA_SERVICE_HOST", "10.0.0.1"),
        ("VAJRA_PORT_80_TCP_ADDR", "x"),
        ("VAJRA_X_SERVICE_PORT_HTTP", "80"),
        ("VAJRA_HOME", "/opt"),
    ]);
    assert!(!quiet.stderr.contains("VAJRA_") && quiet.code != 2, "{}", quiet.stderr);
    let noted = run(&[("VAJRA_RUN_CONNECTIONS", "5"), ("VAJRA_URLL", "x")]);
    noted.assert_says(&[
        "note: VAJRA_RUN_CONNECTIONS is ignored; did you mean VAJRA_RUN__CONNECTIONS?",
        "note: VAJRA_URLL is ignored; did you mean VAJRA_URL?",
    ]);
    assert_ne!(noted.code, 2, "{}", noted.stderr);
}

#[test]
fn a_plan_is_read_from_standard_input_in_either_language() {
    for (plan, place) in
        [("url = \"testbed:\"\n[run]\nshrads = 1\n", "3:1"), ("{\"url\": \"testbed:\", \"rnu\": {}}", "1:21")]
    {
        for word in ["-", "/dev/stdin"] {
            let done = Vajra::new(&["run", word]).input(plan).done();
            assert_eq!(done.code, 2, "{}", done.stderr);
            done.assert_says(&[&format!("standard input:{place}"), "did you mean"]);
        }
    }
}

/// What is not said of the mistakes, or too much.
fn missing(stderr: &str, name: &str, mistakes: Mistakes) -> Vec<String> {
    // What is wrapped over two lines is said as well as what stands in one.
    let plain =
        |block: &str| block.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" ");
    let blocks: Vec<String> =
        stderr.split("\n\n").filter(|block| block.starts_with("error:")).map(plain).collect();
    let mut missing = Vec::new();
    if blocks.len() != mistakes.len() {
        missing.push(format!("{} mistakes are told, and there are {}", blocks.len(), mistakes.len()));
    }
    if mistakes.len() > 1
        && !stderr.contains(&format!("{} mistakes in {name}; nothing was sent", mistakes.len()))
    {
        missing.push("their number is not told".to_owned());
    }
    for (place, parts) in mistakes {
        let at = format!("{name}:{place}");
        let is_told = |block: &String| {
            (place.is_empty() || block.contains(&at)) && parts.iter().all(|part| block.contains(part))
        };
        if !blocks.iter().any(is_told) {
            missing.push(format!("not told at {place}: {parts:?}"));
        }
    }
    missing
}

fn read(text: &str, format: Format) -> Result<Plan, String> {
    let document = Document { name: "plan".into(), text: text.into(), format };
    let layers = Layers::new(Some(document)).map_err(|unread| format!("{:?}", unread.0))?;
    let read = Plan::read(&layers.read(), &|name| Err(format!("no {name}")), Purpose::Run);
    read.map(|(plan, _)| plan).map_err(|wrong| format!("{wrong:?}"))
}
