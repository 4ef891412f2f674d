//! `atrail import` from buckets and queues.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cloud::{Cloud, Fault};
use crate::env::{Ran, Server, TestEnv};
use crate::import::{gzip, log_name, records, stored, sum};

const COUNTS: [&str; 4] = ["files", "files_known", "events", "stored"];

pub(crate) fn key(region: &str, day: u32, number: usize) -> String {
    let name = log_name(region, day, number);
    format!("AWSLogs/1/CloudTrail/{region}/2026/03/{day:02}/{name}")
}

/// Starts a server, and a bucket with ten log files of ten events each in two regions and five days.
pub(crate) fn scene() -> (TestEnv, Server, Cloud) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let cloud = Cloud::start();
    let regions = ["eu-west-1", "us-east-1"].iter().enumerate();
    for (at, region) in regions {
        for day in 1..6 {
            let first = (at * 5 + day as usize) * 10;
            cloud.put(&key(region, day, 0), gzip(records(first..first + 10)));
        }
    }
    (env, server, cloud)
}

pub(crate) fn import(env: &TestEnv, cloud: &Cloud, args: &[&str]) -> Ran {
    cloud.import(env, &[&["cloudtrail", "--format", "json"], args].concat())
}

#[test]
fn a_bucket_is_listed_page_by_page_and_read_once() {
    let (env, _server, cloud) = scene();
    cloud.put(
        "AWSLogs/1/CloudTrail/eu-west-1/odd name+&%é.json",
        records(500..501),
    );
    cloud.put("AWSLogs/1/", "");
    let first = import(&env, &cloud, &["s3://logs/AWSLogs"]).ok();
    assert_eq!(sum(&first, COUNTS), [11, 0, 101, 101]);
    assert_eq!(cloud.take_fetches(), 11);
    assert_eq!(stored(&env), (101, 101));
    // New and changed objects alone are fetched.
    cloud.put(&key("eu-west-1", 1, 7), gzip(records(600..610)));
    cloud.put(&key("eu-west-1", 2, 0), gzip(records(610..620)));
    let second = import(&env, &cloud, &["s3://logs/AWSLogs"]).ok();
    assert_eq!(sum(&second, COUNTS), [12, 10, 111, 20]);
    assert_eq!(cloud.take_fetches(), 2);
    // A copy on the disk is known, too.
    std::fs::write(env.path("copy.json"), records(600..610)).unwrap();
    let copy = import(&env, &cloud, &["copy.json"]).ok();
    assert_eq!(sum(&copy, COUNTS), [1, 1, 10, 0]);
}

#[test]
fn days_before_are_not_even_listed() {
    let (env, _server, cloud) = scene();
    cloud.put(
        "AWSLogs/1/CloudTrail/eu-west-1/2025/12/31/1_CloudTrail_eu-west-1_20251231T1000Z_A.json",
        records(900..901),
    );
    let ran = import(&env, &cloud, &["s3://logs/", "--since", "2026-03-04"]).ok();
    assert_eq!(sum(&ran, COUNTS), [4, 0, 40, 40]);
    let seen = cloud.take_seen();
    let listed = |prefix: &str| {
        seen.iter()
            .any(|line| line.contains(&prefix.replace('/', "%2F")))
    };
    assert!(
        listed("eu-west-1/2026/03/04/") && !listed("eu-west-1/2025/") && !listed("2026/03/03/"),
        "{seen:?}"
    );
}

#[test]
fn faults_of_a_bucket_are_waited_for() {
    let (env, _server, cloud) = scene();
    cloud.fail(&[
        Fault::Status(503),
        Fault::Cut,
        Fault::Status(500),
        Fault::Cut,
    ]);
    let ran = import(&env, &cloud, &["s3://logs/"]).ok();
    assert_eq!(sum(&ran, COUNTS), [10, 0, 100, 100]);
    assert!(cloud.has_failed_all());
    assert_eq!(stored(&env), (100, 100));
    // One object that is refused is named, and costs no other.
    cloud.put(&key("eu-west-1", 1, 8), gzip(records(700..710)));
    cloud.put(&key("eu-west-1", 1, 9), gzip(records(710..720)));
    cloud.fail(&[Fault::Status(400)]);
    let ran = import(&env, &cloud, &["s3://logs/"]);
    assert!(
        ran.stderr.contains("SlowDown: It says so."),
        "{}",
        ran.stderr
    );
    assert_eq!(sum(&ran.stdout, ["files_failed", "stored"]), [1, 10]);
    ran.fails(1);
    // A bucket that stays busy is a reason to come back later, and a later run goes on.
    cloud.put(&key("eu-west-1", 1, 6), gzip(records(720..730)));
    cloud.fail(&[Fault::Status(503); 30]);
    let ran = import(&env, &cloud, &["s3://logs/"]);
    assert!(
        ran.stderr.contains("the same command resumes"),
        "{}",
        ran.stderr
    );
    ran.fails(5);
    cloud.fail(&[]);
    assert_eq!(
        sum(
            &import(&env, &cloud, &["s3://logs/"]).ok(),
            ["files", "events"]
        ),
        [13, 130]
    );
    assert_eq!(stored(&env), (130, 130));
}

#[test]
fn the_region_of_a_bucket_is_learnt_and_credentials_are_needed() {
    let (env, _server, cloud) = scene();
    cloud.move_to("ap-south-1");
    assert_eq!(
        sum(&import(&env, &cloud, &["s3://logs/"]).ok(), COUNTS),
        [10, 0, 100, 100]
    );
    let endpoint = format!("http://{}", cloud.address);
    let args = [
        "import",
        "s3://logs/",
        "--dry-run",
        "--endpoint-url",
        &endpoint,
    ];
    let mut command = env.command(&args);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let refused = crate::env::finish(&mut command, b"").fails(4);
    assert!(
        refused.contains("no usable credentials for AWS were found"),
        "{refused}"
    );
    // From the shared file, by profile.
    std::fs::create_dir_all(env.path("home/.aws")).unwrap();
    let file = "[other]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n";
    std::fs::write(env.path("home/.aws/credentials"), file).unwrap();
    let mut command = env.command(&args);
    command
        .env("AWS_PROFILE", "other")
        .env("AWS_REGION", "ap-south-1");
    assert!(crate::env::finish(&mut command, b"").ok().contains("100"));
    // Another bucket.
    let absent = import(&env, &cloud, &["s3://other/"]).fails(1);
    assert!(absent.contains("NoSuchBucket"), "{absent}");
}

pub(crate) fn notification(keys: &[String]) -> Value {
    let records = keys.iter().map(|key| {
        json!({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "logs"}, "object": {"key": key}}})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

#[test]
fn messages_are_deleted_once_the_server_has_the_events() {
    let (env, mut server, cloud) = scene();
    let direct = notification(&[key("eu-west-1", 1, 0), key("eu-west-1", 2, 0)]);
    let wrapped = json!({"Type": "Notification", "Message": notification(&[key("eu-west-1", 3, 0)]).to_string()});
    let bridge = json!({"source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "logs"}, "object": {"key": key("us-east-1", 1, 0)}}});
    cloud.message("direct", direct.clone());
    cloud.message("wrapped", wrapped);
    cloud.message("bridge", bridge);
    // The same delivery once more, what needs no import, what is gone, and what is none.
    cloud.message("again", direct);
    cloud.message(
        "digest",
        notification(&[
            "AWSLogs/1/CloudTrail-Digest/1_CloudTrail-Digest_x_t_x_20260301T100000Z.json.gz".into(),
        ]),
    );
    cloud.message("test", json!({"Event": "s3:TestEvent"}));
    cloud.message(
        "gone",
        notification(&[key("eu-west-1", 9, 0), key("eu-west-1", 4, 0)]),
    );
    cloud.message("other", "hello");

    // The server goes away when the first object is fetched: no message that names one is deleted.
    let pid = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    cloud.at_next_fetch(move || kill_process(pid, Signal::KILL).unwrap());
    let queue = cloud.queue();
    import(&env, &cloud, &["--sqs", &queue]).fails(5);
    let left = ["direct", "wrapped", "bridge", "again", "gone", "other"];
    assert!(
        left.iter()
            .all(|handle| cloud.messages().iter().any(|known| known == handle)),
        "{:?}",
        cloud.messages()
    );
    server.kill();
    server.start_again(&env, &[]);
    let ran = import(&env, &cloud, &["--sqs", &queue]);
    for words in ["NoSuchKey", "message id-other: it is no notification"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert_eq!(
        sum(&ran.stdout, ["files", "files_failed", "stored"]),
        [7, 1, 50]
    );
    ran.fails(1);
    assert_eq!(cloud.messages(), ["gone", "other"]);
    assert_eq!(stored(&env), (50, 50));
}
