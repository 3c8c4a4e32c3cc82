//! The page to sign in on.

use maud::{DOCTYPE, PreEscaped, html};
use tradai_runner::report::parts;
use tradai_service::SignIn;

/// Returns the page. Those who are not known yet are sent no other file, so that its style is in it; it needs no
/// script.
pub(crate) fn sign_in_page(sign_in: &SignIn<'_>) -> String {
    let style = [parts::style(), include_str!("assets/dashboard.css")].concat();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Sign in - TradAI" }
                link rel="icon" href=(icon());
                // Ours: nothing of a request is in it.
                style { (PreEscaped(style)) }
            }
            body {
                main.sign-in {
                    h1 { "TradAI" }
                    @if sign_in.refused {
                        p #refused .message.bad role="alert" { "This key is not known, or has no role here." }
                    }
                    form.panel method="post" action="/login" {
                        input type="hidden" name="next" value=(sign_in.next);
                        // Browsers keep passwords by name, and there is one here.
                        input type="text" name="username" autocomplete="username" value="TradAI" hidden;
                        div.field {
                            label for="key" { "API key or token" }
                            input #key name="key" type="password" autocomplete="current-password" required autofocus
                                aria-describedby=[sign_in.refused.then_some("refused")];
                        }
                        button.first { "Sign in" }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// The icon as an address: its file is not for those who are not known.
fn icon() -> String {
    let escaped = include_str!("assets/icon.svg").trim().replace('%', "%25").replace('#', "%23");
    format!("data:image/svg+xml,{}", escaped.replace('<', "%3C").replace('>', "%3E").replace('"', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_go_afterwards_stays_text() {
        let page = sign_in_page(&SignIn { service: "backend", next: "/\"><script>", refused: true });
        assert!(
            page.contains("value=\"/&quot;&gt;&lt;script&gt;\"") && page.contains("role=\"alert\""),
            "{page}"
        );
        assert!(!page.contains("<script"));
        assert!(page.contains("rel=\"icon\" href=\"data:image/svg+xml,%3Csvg"), "{page}");
    }
}
