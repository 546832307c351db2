"""The HTTP API: routes that say what they need, over the `Workspace` that the command line uses, too.

guard       before every route: hosts, sizes, who asks, forged requests, headers
routes      how a route is declared, and what it needs
asking      what a route knows of who asks
answers     errors as problem details, values as JSON
records     records as schemas of the OpenAPI document
app         all of it together
"""
