"""The web app of a local Globus: file manager, activity, collections, for people with a browser.

Pages are rendered here and work without scripts; the ES modules in `static/js/` make them quicker. What a
person may do is judged by `transfer` and `data`, never here.
"""
