//! The menus of the simulated router, a file a family. Adding one: a static here, its path in [`all`].

mod firewall;
mod hotspot;
mod network;
mod ppp;
mod system;
mod users;

use super::schema::Menu;

/// Every menu.
pub(crate) fn all() -> impl Iterator<Item = &'static Menu> {
    [system::ALL, users::ALL, network::ALL, firewall::ALL, hotspot::ALL, ppp::ALL].into_iter().flatten().copied()
}

/// The menu of a path such as `/ip/hotspot/user`.
pub(crate) fn find(path: &str) -> Option<&'static Menu> {
    all().find(|menu| menu.path == path)
}

#[cfg(test)]
mod tests {
    use super::super::schema::Show;
    use super::super::value::{Kind, normalise};
    use super::*;

    #[test]
    fn every_reference_and_default_makes_sense() {
        for menu in all() {
            for field in menu.fields {
                if let Kind::Ref { menu: target, .. } | Kind::RefOrAddress { menu: target } = field.kind {
                    assert!(find(target).is_some(), "{} {}", menu.path, field.name);
                }
                if let Show::Always(default) = field.show {
                    let known = default.is_empty() || normalise(field.kind, default.as_bytes()).is_some();
                    assert!(known, "{} {}={default}", menu.path, field.name);
                }
            }
            for name in menu.unique.iter().chain(menu.required).chain(menu.counters) {
                assert!(menu.field(name.as_bytes()).is_some(), "{} {name}", menu.path);
            }
        }
    }

    #[test]
    fn hotspot_user_profiles_have_no_comment_and_ppp_profiles_do() {
        let comment = |path: &str| find(path).map(Menu::can_comment);
        assert_eq!(comment("/ip/hotspot/user/profile"), Some(false));
        assert_eq!(comment("/ppp/profile"), Some(true));
        assert_eq!(comment("/ip/hotspot/user"), Some(true));
    }
}
