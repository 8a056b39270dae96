# SPDX-License-Identifier: ISC
"""What people see: as plain as can be, one button for each thing to do."""

import html

_FRAME = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 17px/1.5 sans-serif; max-width: 32em; margin: 4em auto; padding: 0 1em; }}
button {{ font: inherit; display: block; width: 100%; margin: 0.6em 0; padding: 0.6em; }}
button.main {{ background: #0a64a4; color: white; border: 0; }}
input {{ font: inherit; padding: 0.4em; }}
small {{ color: #666; }}
</style></head>
<body><h1>{title}</h1>
{body}
<p><small>This is a simulation, for tests and demonstrations; nothing here reaches
Microsoft.</small></p></body></html>
"""


def _page(title, body):
    return _FRAME.format(title=html.escape(title), body=body)


def _button(name, value, text, main=True):
    kind = ' class="main"' if main else ""
    return (f'<button{kind} type="submit" name="{name}" value="{html.escape(value)}">'
            f'{html.escape(text)}</button>')


def _people(people):
    return "\n".join(_button("person", person.name, f"Sign in as {person.name}")
                     for person in people)


def sign_in(action, people, application):
    return _page("Sign in", f"""<p>The application {html.escape(application.client_id)} asks for
your mail: to read it, and to delete it, over IMAP.</p>
<form method="post" action="{html.escape(action)}">
{_people(people)}
{_button("cancel", "yes", "Cancel", main=False)}
</form>""")


def device(action, user_code="", complaint=""):
    wrong = f"<p><b>{html.escape(complaint)}</b></p>" if complaint else ""
    return _page("Enter the code", f"""{wrong}<p>The code that your program shows:</p>
<form method="post" action="{html.escape(action)}">
<p><input name="user_code" value="{html.escape(user_code)}" autofocus></p>
<button class="main" type="submit">Next</button>
</form>""")


def device_sign_in(action, user_code, people):
    return _page("Sign in", f"""<p>A program on another device asks for your mail: to read it, and
to delete it, over IMAP.</p>
<form method="post" action="{html.escape(action)}">
<input type="hidden" name="user_code" value="{html.escape(user_code)}">
{_people(people)}
{_button("cancel", "yes", "Cancel", main=False)}
</form>""")


def device_over(signed_in):
    if signed_in:
        return _page("Signed in", "<p>You can close this window.</p>")
    return _page("Cancelled", "<p>Nobody was signed in. You can close this window.</p>")


def native_client():
    return _page("Almost there", "<p>Copy the address of this page, and paste it where your program"
                 " asks for it.</p>")


def trouble(refused):
    text = html.escape(refused.description()).replace("\r\n", "<br>\n")
    return _page("Sorry, but we're having trouble signing you in.", f"<p>{text}</p>")
