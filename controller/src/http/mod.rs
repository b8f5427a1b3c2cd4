//! HTTP: joins the features' routes and puts the layers around them. With the features' names; the files beside it know
//! none.

pub mod access;
pub mod api;
pub mod assets;
mod csrf;
pub mod error;
pub mod form;
pub mod format;
mod headers;
pub mod health;
pub mod htmx;
mod layers;
pub mod limit;
mod live;
pub mod locale;
pub mod nav;
pub mod page;
mod preferences;
pub mod session;
#[cfg(test)]
mod testing;
pub mod view;

use std::sync::Arc;

/// What pages and API need of the app, and nothing of a feature.
#[derive(Debug)]
pub struct Web {
    /// The templates and texts.
    pub pages: page::Pages,
    /// Looks sessions up.
    pub sessions: Arc<dyn session::Sessions>,
    /// Is the app reached by https?
    pub https: bool,
    /// Whether `HIJI_DEV` is on.
    pub dev: bool,
    /// Host and port of the public URL.
    pub public_host: String,
}

/// Samples of every page, for the test that renders them all. A feature adds its lines.
#[must_use]
pub fn samples() -> Vec<page::Sample> {
    [page::samples_of::<error::ErrorPage>(), page::samples_of::<error::ErrorNotice>()].concat()
}

#[cfg(test)]
mod tests {
    use super::{
        locale::{Locale, Texts},
        page::{Flash, Pages, Shell, ShellUser, Theme},
        *,
    };

    #[test]
    fn every_sample_of_every_page_renders_in_every_language() {
        let pages = Pages::strict(Texts::load().unwrap());
        let samples = samples();
        for locale in Locale::ALL {
            for role in access::Role::ALL {
                let shell = Shell {
                    user: Some(ShellUser { name: "Rina".to_owned(), role: role.as_str().replace('_', "-") }),
                    nav: nav::menu(role, "/dashboard"),
                    locale,
                    theme: Theme::Dark,
                    dev: true,
                    here: "/dashboard".to_owned(),
                    flash: Some(Flash { key: "cancel".to_owned(), args: Vec::new() }),
                };
                for sample in &samples {
                    let html = pages.render_sample(sample, &shell).unwrap_or_else(|error| panic!("{error:#}"));
                    for inline in ["style=\"", "<style", "onclick=", "javascript:", "<script>"] {
                        assert!(!html.contains(inline), "{} has {inline}", sample.template);
                    }
                }
            }
        }
    }
}
