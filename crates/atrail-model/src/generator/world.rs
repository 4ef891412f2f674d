//! The actors, and the services that they act on.

use super::random::SplitMix64;

/// A person or a service that acts.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    pub(super) id: String,
    pub(super) type_uri: &'static str,
    pub(super) name: String,
    pub(super) project_id: String,
    pub(super) address: String,
    pub(super) agent: &'static str,
}

/// A service that receives actions and reports them.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) observer_id: u128,
    pub(super) type_uri: &'static str,
    pub(super) target_type_uri: &'static str,
    pub(super) path: &'static str,
    pub(super) port: u16,
    pub(super) verbs: &'static [Verb],
}

/// An action on a service.
#[derive(Debug)]
pub(super) struct Verb {
    pub(super) action: &'static str,
    pub(super) event_type: &'static str,
    pub(super) path_end: &'static str,
    pub(super) success_code: u16,
}

const NAMES: &[&str] = &[
    "amara", "bjorn", "chidi", "daria", "elena", "farid", "grace", "hiro", "ines", "jonas",
    "kavya", "liam", "mei", "nadia", "omar", "priya", "quinn", "rosa", "sven", "tala",
];

const AGENTS: &[&str] = &[
    "openstacksdk/4.1.0 keystoneauth1/5.8.0 python-requests/2.32.3 CPython/3.12.4",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "HashiCorp Terraform/1.9.5 gophercloud/2.1.0",
    "python-novaclient",
    "curl/8.9.1",
];

impl Actor {
    /// Makes an actor. Three in four are people; the addresses are those for documentation (RFC 5737, RFC 3849).
    pub(super) fn new(number: u64, random: &mut SplitMix64) -> Self {
        let (type_uri, name) = if number % 4 == 3 {
            let name = format!("svc-{}", random.pick(SERVICES).name);
            ("service/security/account/service", name)
        } else {
            let name = format!("{}.{}", random.pick(NAMES), random.below(100));
            ("service/security/account/user", name)
        };
        let host = random.below(254) + 1;
        let address = match random.below(4) {
            0 => format!("2001:db8::{host:x}"),
            1 => format!("192.0.2.{host}"),
            2 => format!("198.51.100.{host}"),
            _ => format!("203.0.113.{host}"),
        };
        Self {
            id: random.hex_id(),
            type_uri,
            name,
            project_id: random.hex_id(),
            address,
            agent: *random.pick(AGENTS),
        }
    }
}

const fn activity(action: &'static str, path_end: &'static str, success_code: u16) -> Verb {
    Verb {
        action,
        event_type: "activity",
        path_end,
        success_code,
    }
}

const fn control(action: &'static str, path_end: &'static str, success_code: u16) -> Verb {
    Verb {
        action,
        event_type: "control",
        path_end,
        success_code,
    }
}

/// Every service with its actions; the actions are CADF's (DSP0262, the Action Taxonomy) with OpenStack's refinements.
pub(super) const SERVICES: &[Service] = &[
    Service {
        name: "nova",
        observer_id: 0x5f0c_2b7e_93d1_4a86_8e21_c7d4_0b9a_6f13,
        type_uri: "compute",
        target_type_uri: "compute/servers",
        path: "/v2.1/servers",
        port: 8774,
        verbs: &[
            activity("create", "", 202),
            activity("read", "", 200),
            activity("read/list", "/detail", 200),
            activity("start", "/action", 202),
            activity("stop", "/action", 202),
            activity("delete", "", 204),
        ],
    },
    Service {
        name: "keystone",
        observer_id: 0xa94d_10e6_77bc_4f52_b3c8_1d6e_f205_9a7b,
        type_uri: "security",
        target_type_uri: "security/account/user",
        path: "/v3/users",
        port: 5000,
        verbs: &[
            activity("authenticate", "/auth", 201),
            activity("create/user", "", 201),
            activity("update/password", "/password", 204),
            control("allow", "/roles", 200),
            control("deny", "/roles", 403),
            activity("disable", "", 200),
        ],
    },
    Service {
        name: "neutron",
        observer_id: 0x2c81_7fd3_0e4a_4b95_96fa_58b0_3d7c_e164,
        type_uri: "network",
        target_type_uri: "network/ports",
        path: "/v2.0/ports",
        port: 9696,
        verbs: &[
            activity("create", "", 201),
            activity("update", "", 200),
            activity("update/add", "/add_router_interface", 200),
            activity("delete", "", 204),
        ],
    },
    Service {
        name: "barbican",
        observer_id: 0xe7b5_64a8_c19f_4023_a5d0_7e93_82f6_1b4c,
        type_uri: "security/keymanager",
        target_type_uri: "security/keymanager/secrets",
        path: "/v1/secrets",
        port: 9311,
        verbs: &[
            activity("create", "", 201),
            activity("read", "/payload", 200),
            activity("revoke", "", 204),
        ],
    },
    Service {
        name: "swift",
        observer_id: 0x8135_d9f2_46e0_4c7d_8fb1_a2c4_e97d_5036,
        type_uri: "storage/object",
        target_type_uri: "storage/object/container",
        path: "/v1/AUTH_audit",
        port: 8080,
        verbs: &[
            activity("read", "", 200),
            activity("update", "", 201),
            activity("backup", "/archive", 202),
            activity("delete", "", 204),
        ],
    },
];
