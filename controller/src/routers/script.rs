//! What the admin pastes: the RouterOS commands that set up the API user and the agent's container, and the
//! environment of an agent on a box beside the router. Pure text.
//!
//! Container syntax differs by version (facts/routeros.md 4.1): lines that differ try the newer form, then the older.
//! Written from the documentation; no router was at hand to paste it on.

use std::fmt::Write as _;

/// What goes into the script.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    pub controller_url: &'a str,
    /// One-time; URL-safe base64, so nothing in it needs escaping.
    pub token: &'a str,
    /// Of the API user the script makes; hex, shown once and kept nowhere here.
    pub password: &'a str,
}

impl Script<'_> {
    /// RouterOS commands: group and user with the fewest policies that work, veth, API service, the container's
    /// environment. Every line stands alone and can be pasted twice.
    #[must_use]
    pub fn routeros(&self) -> String {
        let Self { controller_url, token, password } = self;
        let mut script = format!(
            r#"# hiji: agent for this router. The token is good once and for 30 minutes.
:if ([:len [/user/group/find where name="hiji"]] = 0) do={{/user/group/add name=hiji policy=read,write,api,test,sensitive,policy,ftp}}
:if ([:len [/user/find where name="hiji"]] = 0) do={{/user/add name=hiji group=hiji address=172.17.0.0/24 password="{password}"}} else={{/user/set [find where name="hiji"] password="{password}"}}
:if ([:len [/interface/veth/find where name="veth-hiji"]] = 0) do={{/interface/veth/add name=veth-hiji address=172.17.0.2/24 gateway=172.17.0.1}}
:if ([:len [/interface/bridge/find where name="br-hiji"]] = 0) do={{/interface/bridge/add name=br-hiji; /ip/address/add address=172.17.0.1/24 interface=br-hiji; /interface/bridge/port/add bridge=br-hiji interface=veth-hiji; /ip/firewall/nat/add chain=srcnat action=masquerade src-address=172.17.0.0/24 comment=hiji}}
/ip/service/set api disabled=no
:do {{:local f [:parse "/container/envs/remove [find where list=hiji]"]; $f}} on-error={{:local f [:parse "/container/envs/remove [find where name=hiji]"]; $f}}
"#
        );
        let hook_url = "http://172.17.0.2:8081";
        for (key, value) in [
            ("HIJI_CONTROLLER_URL", *controller_url),
            ("HIJI_ENROLL_TOKEN", *token),
            ("HIJI_ROUTER_ADDRESS", "172.17.0.1:8728"),
            ("HIJI_ROUTER_USER", "hiji"),
            ("HIJI_ROUTER_PASSWORD", *password),
            ("HIJI_HOOK_URL", hook_url),
        ] {
            let add = |field: &str| {
                format!(r#":local f [:parse "/container/envs/add {field}=hiji key={key} value=\"{value}\""]; $f"#)
            };
            let _ = writeln!(script, ":do {{{}}} on-error={{{}}}", add("list"), add("name"));
        }
        script.push_str(
            "# Then load hiji-agent.tar to the router and start it, on RouterOS 7.20 and later:\n\
             # /container/add file=hiji-agent.tar interface=veth-hiji root-dir=hiji envlists=hiji start-on-boot=yes logging=yes\n\
             # (up to 7.18: envlist=hiji instead of envlists=hiji)\n",
        );
        script
    }

    /// Environment of `hiji-agent` on Linux; the admin fills in the router's own address, user and password.
    #[must_use]
    pub fn environment(&self) -> String {
        let Self { controller_url, token, .. } = self;
        format!(
            "HIJI_CONTROLLER_URL={controller_url}\nHIJI_ENROLL_TOKEN={token}\nHIJI_ROUTER_ADDRESS=192.168.88.1:8728\n\
             HIJI_ROUTER_USER=hiji\nHIJI_ROUTER_PASSWORD=\nHIJI_DATA_DIR=/var/lib/hiji-agent\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_carries_controller_and_token_and_balanced_braces() {
        let script = Script { controller_url: "https://isp.example.net", token: "abc-DEF_123", password: "c0ffee" };
        let script = script.routeros();
        assert!(script.contains(r#"key=HIJI_CONTROLLER_URL value=\"https://isp.example.net\""#), "{script}");
        assert!(script.contains(r#"key=HIJI_ENROLL_TOKEN value=\"abc-DEF_123\""#));
        for line in script.lines() {
            let count = |wanted: char| line.chars().filter(|c| *c == wanted).count();
            assert_eq!(count('{'), count('}'), "{line}");
            assert_eq!(count('['), count(']'), "{line}");
            assert_eq!(count('"') % 2, 0, "{line}");
        }
    }
}
