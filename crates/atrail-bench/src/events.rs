//! Events as a cloud's services write them, generated from a seed.

use std::fmt::Write;

use atrail_model::Day;
use atrail_torture::Numbers;

/// Tenants, each with a space of its own.
pub(crate) const TENANTS: usize = 20;
/// Default number of days that the events cover.
pub(crate) const DAYS: u32 = 3;

/// The usual users.
pub(crate) const USERS: u64 = 5_000;
const VERBS: [&str; 10] = [
    "create", "read", "update", "delete", "list", "start", "stop", "attach", "detach", "restart",
];
const KINDS: [&str; 30] = [
    "compute/server",
    "compute/volume",
    "compute/image",
    "compute/flavor",
    "compute/keypair",
    "network/network",
    "network/subnet",
    "network/port",
    "network/router",
    "network/firewall",
    "storage/bucket",
    "storage/object",
    "storage/snapshot",
    "storage/backup",
    "storage/share",
    "security/user",
    "security/group",
    "security/role",
    "security/key",
    "security/certificate",
    "data/database",
    "data/table",
    "data/queue",
    "data/stream",
    "data/cache",
    "service/cluster",
    "service/registry",
    "service/function",
    "service/gateway",
    "service/zone",
];
const AGENTS: [&str; 4] = [
    "openstacksdk/3.0.0 keystoneauth1/5.6.0 python-requests/2.31.0 CPython/3.12.3",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "terraform-provider-cloud/2.11.4 (linux_amd64) go/1.22.5",
    "cloud-cli/4.17.0 (darwin; arm64) build/20260214",
];
/// 88 of a hundred calls succeed.
const FAILURES: [(&str, u16); 4] = [
    ("failure", 403),
    ("failure", 404),
    ("failure", 409),
    ("pending", 202),
];

/// Whose event it is, and what distinguishes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    /// The number of the user; all but the usual ones are [`USERS`] and above.
    pub(crate) user: u64,
    /// Verb and kind, instead of arbitrary ones.
    pub(crate) action: Option<(&'static str, &'static str)>,
    /// Text of one more tag.
    pub(crate) tag: Option<&'static str>,
}

/// What can be searched in an event.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) id: String,
    /// Microseconds since 1970.
    pub(crate) time: u64,
    pub(crate) user: u64,
    pub(crate) verb: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) outcome: &'static str,
    /// The last 16 bits of the address.
    pub(crate) address: u64,
}

/// A source of events.
#[derive(Debug)]
pub(crate) struct Events {
    numbers: Numbers,
    last_day: Day,
}

impl Events {
    /// Returns a source whose days are the last one and those before it.
    pub(crate) const fn new(seed: u64, last_day: Day) -> Self {
        Self {
            numbers: Numbers::new(seed),
            last_day,
        }
    }

    /// Returns the day and hour of one of this many events in chronological order, as services send them.
    pub(crate) fn in_time(&self, number: u64, of: u64) -> (Day, u64) {
        let hour = number * u64::from(DAYS) * 24 / of.max(1);
        let ago = DAYS - 1 - (hour / 24).min(u64::from(DAYS - 1)) as u32;
        (self.last_day.minus(ago), hour % 24)
    }

    /// Returns an arbitrary day and hour, as when late events arrive from everywhere.
    pub(crate) fn at_random(&mut self) -> (Day, u64) {
        let ago = self.numbers.next() % u64::from(DAYS);
        (self.last_day.minus(ago as u32), self.numbers.below(24))
    }

    fn pick(&mut self, from: usize) -> usize {
        (self.numbers.next() % from as u64) as usize
    }

    fn uuid(&mut self) -> String {
        let (high, low) = (self.numbers.next(), self.numbers.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    /// Appends a line of about 1.3 KB, an event of this day and hour.
    pub(crate) fn line(&mut self, moment: (Day, u64), text: &mut String) {
        let who = self.anyone();
        self.line_of(who, moment, text);
    }

    /// Returns an arbitrary one of the usual users.
    pub(crate) fn anyone(&mut self) -> Who {
        Who {
            user: self.numbers.below(USERS),
            action: None,
            tag: None,
        }
    }

    /// Appends such a line of this user, and returns what can be searched in it.
    pub(crate) fn line_of(
        &mut self,
        Who { user, action, tag }: Who,
        (day, hour): (Day, u64),
        text: &mut String,
    ) -> Made {
        let verb = VERBS[self.pick(VERBS.len())];
        let kind = KINDS[self.pick(KINDS.len())];
        let (verb, kind) = action.unwrap_or((verb, kind));
        let agent = AGENTS[self.pick(AGENTS.len())];
        let (outcome, code) = if self.numbers.chance(88) {
            ("success", 200)
        } else {
            FAILURES[self.pick(FAILURES.len())]
        };
        let (minute, second) = (self.numbers.below(60), self.numbers.below(60));
        let micros = self.numbers.below(1_000_000);
        let [id, project, target, request, host] = [(); 5].map(|()| self.uuid());
        let address = self.numbers.below(1 << 16);
        let written = write!(
            text,
            r#"{{"typeURI":"http://schemas.dmtf.org/cloud/audit/1.0/event","eventType":"activity","id":"{id}","eventTime":"{day}T{hour:02}:{minute:02}:{second:02}.{micros:06}+0000","action":"{verb}/{kind}","outcome":"{outcome}","reason":{{"reasonType":"HTTP","reasonCode":"{code}"}},"observer":{{"id":"{host}","typeURI":"service/{kind}","name":"{kind}-api"}},"initiator":{{"id":"user-{user:05}","typeURI":"service/security/account/user","name":"user{user:05}@customer-{customer}.example","domain":"Default","project_id":"{project}","credential":{{"type":"token","token":"***","identity_status":"Confirmed"}},"host":{{"address":"10.12.{high}.{low}","agent":"{agent}"}}}},"target":{{"id":"{target}","typeURI":"service/{kind}","name":"{kind}-{short}","project_id":"{project}","addresses":[{{"url":"https://api.{service}.region-1.cloud.example/v2.1/{project}/{kind}/{target}","name":"admin"}}]}},"requestPath":"/v2.1/{project}/{kind}/{target}?request_id=req-{request}","tags":["correlation_id?value={request}","source?value=gateway-{gateway:02}"{more}],"severity":"normal"}}"#,
            service = kind.split('/').next().unwrap_or_default(),
            customer = user % 97,
            high = address >> 8,
            low = address & 0xff,
            short = &target[..8],
            gateway = user % 16,
            more = tag.map_or_else(String::new, |tag| format!(",\"{tag}\"")),
        );
        debug_assert!(written.is_ok(), "a String takes everything");
        text.push('\n');
        let seconds = u64::from(day.number()) * 86_400 + hour * 3_600 + minute * 60 + second;
        Made {
            id,
            time: seconds * 1_000_000 + micros,
            user,
            verb,
            kind,
            outcome,
            address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(seed: u64) -> String {
        let last_day = "2026-03-04".parse().unwrap();
        let mut events = Events::new(seed, last_day);
        let mut text = String::new();
        for _ in 0..1_000 {
            let moment = events.at_random();
            events.line(moment, &mut text);
        }
        text
    }

    #[test]
    fn a_seed_gives_the_same_bytes_and_another_seed_others() {
        assert!(lines(1) == lines(1));
        assert!(lines(1) != lines(2));
    }

    #[test]
    fn events_in_time_go_through_all_hours_in_order() {
        let events = Events::new(1, "2026-03-04".parse().unwrap());
        let at = |number| {
            let (day, hour) = events.in_time(number, 7_200);
            format!("{day} {hour}")
        };
        let ends = [at(0), at(99), at(100), at(2_400), at(7_199)];
        assert_eq!(
            ends,
            [
                "2026-03-02 0",
                "2026-03-02 0",
                "2026-03-02 1",
                "2026-03-03 0",
                "2026-03-04 23"
            ]
        );
    }

    #[test]
    fn events_are_as_long_as_real_ones_and_differ() {
        let text = lines(1);
        let average = text.len() / 1_000;
        assert!((1_200..1_450).contains(&average), "{average} bytes");
        let mut ids: Vec<_> = text
            .lines()
            .map(|line| {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                event["id"].as_str().unwrap().to_owned()
            })
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 1_000);
    }
}
