//! The image and the examples that run it: what their files say is true of each other and of the
//! program. `tests/image/run` builds the image and runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{JsonServer, Output, Process, Sidecar, test_folder, tidings};

/// Where the image has the program, and the unit as well.
const PROGRAM: &str = "/usr/local/bin/tidings";
/// Where it looks for its configuration when nothing else is said.
const CONFIG: &str = "/etc/tidings/tidings.yaml";
/// Where its log is, in each of the examples.
const LOG: &str = "/var/lib/tidings";
/// The user of the image.
const USER: u64 = 65532;

/// A configuration as it is shipped, with the variables that it is run with.
struct Shipped {
    text: String,
    variables: BTreeMap<String, String>,
}

impl Shipped {
    fn in_compose() -> Self {
        Self {
            text: read("examples/compose/sidecar/tidings.yaml"),
            variables: variables("examples/compose/tidings.env.example"),
        }
    }

    /// What the ConfigMap has, with what the Deployment takes out of the Secret.
    fn in_kubernetes() -> Self {
        let secret = yaml("examples/kubernetes/secret.yaml");
        let name = |of: &Value| of["metadata"]["name"].clone();
        let variable = |variable: &Value| {
            let of = &variable["valueFrom"]["secretKeyRef"];
            assert_eq!(of["name"], name(&secret));
            let value = &secret["stringData"][of["key"].as_str().unwrap()];
            (text(&variable["name"]), text(value))
        };
        Self {
            text: text(&kubernetes("ConfigMap")["data"]["tidings.yaml"]),
            variables: list(&container("tidings")["env"]).map(variable).collect(),
        }
    }

    fn in_systemd() -> Self {
        Self {
            text: read("examples/systemd/tidings.yaml"),
            variables: variables("examples/systemd/tidings.env.example"),
        }
    }

    fn all() -> [Self; 3] {
        [
            Self::in_compose(),
            Self::in_kubernetes(),
            Self::in_systemd(),
        ]
    }

    fn yaml(&self) -> Value {
        serde_saphyr::from_str(&self.text).unwrap()
    }

    /// The port of `listen` or `admin`.
    fn port(&self, of: &str) -> u64 {
        let address = text(&self.yaml()[of]);
        address.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// How long a drain may take: `drain`, and `log.wait` if the log hangs.
    fn drain(&self) -> Duration {
        let yaml = self.yaml();
        let wait = yaml["log"]["wait"].as_str().unwrap_or("5s");
        duration(yaml["drain"].as_str().unwrap()) + duration(wait)
    }

    /// What `tidings check` says of it with these variables.
    async fn check(&self, variables: &BTreeMap<String, String>) -> Output {
        let folder = test_folder();
        let file = folder.path().join("tidings.yaml");
        std::fs::write(&file, &self.text).unwrap();
        let mut command = tidings();
        command.args(["check".as_ref(), file.as_os_str()]);
        command.env_remove("WEB_KEY").envs(variables);
        Process::spawn(&mut command).output().await
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

fn list(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_array().unwrap_or_else(|| panic!("{value}")).iter()
}

/// The one of a list with that name.
fn named<'a>(of: &'a Value, name: &str) -> &'a Value {
    let one = list(of).find(|one| one["name"] == name);
    one.unwrap_or_else(|| panic!("no {name} in {of}"))
}

/// Shape: `20s`.
fn duration(text: &str) -> Duration {
    let seconds = text.strip_suffix('s').and_then(|n| n.parse().ok());
    Duration::from_secs(seconds.unwrap_or_else(|| panic!("no seconds: {text}")))
}

fn variables(path: &str) -> BTreeMap<String, String> {
    let text = read(path);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// The object of that kind.
fn kubernetes(kind: &str) -> Value {
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&read("examples/kubernetes/todos.yaml")).unwrap();
    let one = objects.into_iter().find(|object| object["kind"] == kind);
    one.unwrap_or_else(|| panic!("no {kind}"))
}

fn pod() -> Value {
    kubernetes("Deployment")["spec"]["template"]["spec"].clone()
}

fn container(name: &str) -> Value {
    named(&pod()["containers"], name).clone()
}

/// How long Kubernetes waits before it tells a container to end.
fn pre_stop(container: &Value) -> Duration {
    let seconds = &container["lifecycle"]["preStop"]["sleep"]["seconds"];
    Duration::from_secs(seconds.as_u64().unwrap())
}

/// The values of a key in the unit, in order.
fn unit(key: &str) -> Vec<String> {
    let unit = read("examples/systemd/tidings.service");
    let pairs = unit.lines().filter_map(|line| line.split_once('='));
    let of_key = pairs.filter(|(of, _)| *of == key);
    of_key.map(|(_, value)| value.to_owned()).collect()
}

/// The instructions of a Dockerfile, each on one line.
fn instructions(path: &str) -> Vec<String> {
    let text = read(path);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", "");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let instructions = joined.lines().map(words);
    instructions.filter(|line| !line.is_empty()).collect()
}

/// The instruction that begins so, of which there is one.
fn instruction(path: &str, start: &str) -> String {
    let all = instructions(path);
    let mut with = all.iter().filter(|line| line.starts_with(start));
    let one = with.next().unwrap_or_else(|| panic!("no {start}"));
    assert!(with.next().is_none(), "one {start}");
    one[start.len()..].trim().to_owned()
}

/// Every file below the examples with that extension.
fn examples(extension: &str) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root().join("examples")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|of| of == extension) {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn all_yaml_of_the_examples_is_yaml() {
    let files = examples("yaml");
    assert!(files.len() > 6, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let documents: Result<Vec<Value>, _> = serde_saphyr::from_multiple(&text);
        let documents = documents.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(documents.iter().all(Value::is_object), "{}", file.display());
    }
}

#[tokio::test]
async fn the_configurations_are_sound_with_the_variables_that_they_are_run_with() {
    for shipped in Shipped::all() {
        assert!(shipped.variables.contains_key("WEB_KEY"));
        let output = shipped.check(&shipped.variables).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        for told in [LOG, "/realtime", "web"] {
            assert!(output.stdout.contains(told), "{told}: {}", output.stdout);
        }
        // No secret is in the file itself.
        let output = shipped.check(&BTreeMap::new()).await;
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr.contains("WEB_KEY"), "{output:?}");
    }
}

#[tokio::test]
async fn what_compose_runs_tells_the_writes_of_an_api() {
    let records = serde_json::from_str(&read("examples/compose/api/db.json")).unwrap();
    let api = JsonServer::start(records).await;
    let shipped = Shipped::in_compose();
    let mut yaml = shipped.text.clone();
    for (there, here) in [
        ("0.0.0.0:8080", "LISTEN"),
        ("127.0.0.1:9901", "ADMIN"),
        ("http://api:3000", "UPSTREAM"),
        (LOG, "log"),
        ("${WEB_KEY}", &*shipped.variables["WEB_KEY"]),
    ] {
        assert!(yaml.contains(there), "{there}");
        yaml = yaml.replace(there, here);
    }
    let sidecar = Sidecar::start(&api.url(), &yaml).await;
    let healthy = Process::spawn(
        tidings()
            .args(["healthcheck", "--config"])
            .arg(sidecar.config()),
    );
    assert_eq!(healthy.output().await.code, Some(0));
    // What the kubelet and Prometheus ask for.
    for path in ["/healthz", "/readyz", "/metrics"] {
        sidecar.admin(path).await.expect(200);
    }
    let stream = format!("/realtime?apikey={}", shipped.variables["WEB_KEY"]);
    let mut subscriber = sidecar.hear(&stream).await;
    let written = sidecar.patch("/todos/2", json!({"done": true})).await;
    assert_eq!(written.status(), 200);
    let told = subscriber.next().await.json();
    assert_eq!(told["collection"], "todos");
    assert_eq!(told["data"], "2");
    sidecar.sigterm();
    assert_eq!(sidecar.exit().await.code(), Some(0));
}

#[test]
fn the_image_runs_the_program_as_a_user_that_is_not_root_and_knows_its_health() {
    let of = |start| instruction("Dockerfile", start);
    assert_eq!(of("ENTRYPOINT"), format!("[\"{PROGRAM}\"]"));
    assert_eq!(of("CMD"), "[\"run\"]");
    let check = of("HEALTHCHECK");
    assert!(
        check.ends_with(&format!("CMD [\"{PROGRAM}\", \"healthcheck\"]")),
        "{check}"
    );
    assert_eq!(of("USER"), format!("{USER}:{USER}"));
    assert_eq!(of("STOPSIGNAL"), "SIGTERM");
    assert!(of("COPY --from=build /image/bin/tidings").ends_with(PROGRAM));
    let log = format!("COPY --from=build --chown={USER}:{USER}");
    assert!(of(&log).ends_with(LOG));
    let program = read("src/cli.rs");
    assert!(program.contains(&format!("default_value = \"{CONFIG}\"")));
}

#[test]
fn the_images_are_built_by_the_toolchain_of_the_crate_from_what_is_sent_to_the_builder() {
    let manifest = read("Cargo.toml");
    let image = instruction("Dockerfile", "ARG BUILD_IMAGE=");
    let version = image.strip_prefix("rust:").unwrap().split('-').next();
    assert!(
        manifest.contains(&format!("rust-version = \"{}\"", version.unwrap())),
        "{image}"
    );
    let sent = read(".dockerignore");
    assert!(sent.lines().any(|line| line == "*"));
    for path in ["Dockerfile", "examples/compose/api/Dockerfile"] {
        // No host of a registry but in the name of an image.
        let text = read(path);
        let mut hosts = text.split("://").skip(1);
        assert!(hosts.all(|host| host.starts_with("127.0.0.1:")), "{path}");
        for line in instructions(path) {
            let Some(copied) = line.strip_prefix("COPY ") else {
                continue;
            };
            if copied.starts_with("--from=") {
                continue;
            }
            let words: Vec<_> = copied.split(' ').collect();
            let (_, sources) = words.split_last().unwrap();
            for source in sources {
                assert!(root().join(source).exists(), "{path}: {source}");
                assert!(
                    sent.lines().any(|of| of == format!("!{source}")),
                    "{source}"
                );
            }
        }
    }
    // What the program is made of besides its own folder, and the members that cargo looks for.
    let members = manifest.split("members = [").nth(1).unwrap();
    let members = members.split(']').next().unwrap().split(',');
    let members = members.map(|name| format!("{}/Cargo.toml", name.trim().trim_matches('"')));
    let sources = ["config/reference.yaml", "src"].map(str::to_owned);
    for source in sources.into_iter().chain(members) {
        let copy = format!("COPY {source} ");
        let copies = instructions("Dockerfile");
        assert!(copies.iter().any(|line| line.starts_with(&copy)), "{copy}");
    }
}

#[test]
fn compose_leads_to_the_sidecar_alone_and_lets_it_drain() {
    let compose = yaml("examples/compose/compose.yaml");
    let (api, sidecar) = (&compose["services"]["api"], &compose["services"]["sidecar"]);
    let shipped = Shipped::in_compose();
    assert!(api["ports"].is_null());
    let published = text(&sidecar["ports"][0]);
    assert!(published.ends_with(&format!(":{}", shipped.port("listen"))));
    assert_eq!(shipped.yaml()["upstream"], "http://api:3000");
    assert_eq!(
        instruction("examples/compose/api/Dockerfile", "EXPOSE"),
        "3000"
    );
    for (service, folder) in [(api, "/data"), (sidecar, LOG)] {
        assert!(duration(&text(&service["stop_grace_period"])) > shipped.drain());
        assert_eq!(service["read_only"], true);
        assert_eq!(service["cap_drop"], json!(["ALL"]));
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]));
        let writable: Vec<_> = list(&service["volumes"])
            .filter(|volume| !text(volume).ends_with(":ro"))
            .collect();
        assert_eq!(writable.len(), 1);
        let (volume, at) = writable[0].as_str().unwrap().split_once(':').unwrap();
        assert!(compose["volumes"][volume].is_object());
        assert_eq!(at, folder);
    }
    assert_eq!(
        sidecar["healthcheck"]["test"],
        json!(["CMD", PROGRAM, "healthcheck", "--admin", "127.0.0.1:9901"])
    );
    let config = list(&sidecar["volumes"]).find(|volume| text(volume).ends_with(":ro"));
    let (here, there) = config.unwrap().as_str().unwrap().split_once(':').unwrap();
    assert!(
        root()
            .join("examples/compose")
            .join(here)
            .join("tidings.yaml")
            .exists()
    );
    assert_eq!(there, "/etc/tidings:ro");
    // The file with the secrets is made of the example, and no commit has it.
    let secrets = format!("examples/compose/{}", text(&sidecar["env_file"]));
    assert!(root().join(format!("{secrets}.example")).exists());
    assert!(read(".gitignore").lines().any(|line| line == secrets));
}

#[test]
fn kubernetes_asks_the_sidecar_where_it_answers() {
    let (shipped, tidings) = (Shipped::in_kubernetes(), container("tidings"));
    for (port, key) in [("http", "listen"), ("admin", "admin")] {
        assert_eq!(
            named(&tidings["ports"], port)["containerPort"],
            shipped.port(key)
        );
        assert!(text(&shipped.yaml()[key]).starts_with("0.0.0.0:"), "{key}");
    }
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(
            tidings[probe]["httpGet"],
            json!({"path": path, "port": "admin"})
        );
    }
    let template = kubernetes("Deployment")["spec"]["template"]["metadata"].clone();
    let scraped = &template["annotations"];
    assert_eq!(
        scraped["prometheus.io/port"],
        shipped.port("admin").to_string()
    );
    assert_eq!(scraped["prometheus.io/path"], "/metrics");
    let service = kubernetes("Service");
    assert_eq!(service["spec"]["selector"], template["labels"]);
    assert_eq!(list(&service["spec"]["ports"]).len(), 1);
    assert_eq!(service["spec"]["ports"][0]["targetPort"], "http");
    // The API is reached by the sidecar alone.
    let api = container("api");
    assert!(api["ports"].is_null());
    assert_eq!(named(&api["env"], "HOST")["value"], "127.0.0.1");
    assert_eq!(shipped.yaml()["upstream"], "http://127.0.0.1:3000");
}

#[test]
fn kubernetes_mounts_what_reloads_and_what_the_log_needs() {
    let (pod, tidings, api) = (pod(), container("tidings"), container("api"));
    let mounts = &tidings["volumeMounts"];
    assert_eq!(named(mounts, "config")["mountPath"], "/etc/tidings");
    assert_eq!(named(mounts, "log")["mountPath"], LOG);
    let config = named(&pod["volumes"], "config");
    assert_eq!(
        config["configMap"]["name"],
        kubernetes("ConfigMap")["metadata"]["name"]
    );
    for mount in list(mounts).chain(list(&api["volumeMounts"])) {
        assert!(mount["subPath"].is_null(), "{mount}");
        named(&pod["volumes"], &text(&mount["name"]));
    }
    assert_eq!(pod["securityContext"]["fsGroup"], USER);
    assert_eq!(tidings["securityContext"]["runAsUser"], USER);
    // Two sidecars at a time would have half of the events each.
    let deployment = kubernetes("Deployment");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
}

#[test]
fn kubernetes_gives_no_privilege_and_time_to_drain() {
    let (pod, tidings, api) = (pod(), container("tidings"), container("api"));
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    for container in [&tidings, &api] {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        assert!(container["resources"]["limits"]["memory"].is_string());
    }
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    let ended = pre_stop(&tidings) + Shipped::in_kubernetes().drain();
    assert!(Duration::from_secs(grace) > ended);
    // The API is there as long as the sidecar is.
    assert!(pre_stop(&api) > ended && pre_stop(&api) < Duration::from_secs(grace));
}

#[test]
fn the_unit_runs_what_the_image_runs_and_lets_it_drain() {
    assert_eq!(
        unit("ExecStart"),
        [format!("{PROGRAM} run --config {CONFIG}")]
    );
    assert_eq!(unit("ExecStartPre"), [format!("{PROGRAM} check {CONFIG}")]);
    let shipped = Shipped::in_systemd();
    assert!(duration(&unit("TimeoutStopSec")[0]) > shipped.drain());
    assert_eq!(format!("/var/lib/{}", unit("StateDirectory")[0]), LOG);
    assert_eq!(shipped.yaml()["log"]["dir"], LOG);
    for (key, value) in [
        ("DynamicUser", "yes"),
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
    ] {
        assert_eq!(unit(key), [value], "{key}");
    }
    // What it says to install is there.
    for line in read("examples/systemd/tidings.service").lines() {
        let words = line.split(' ').filter(|word| word.starts_with("examples/"));
        for word in words {
            assert!(root().join(word).exists(), "{word}");
        }
    }
}
