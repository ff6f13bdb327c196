"""Everything that identity can be asked over HTTP: its table of contents."""

from services.identity.routes import accounts, keys, operators, tokens

routers = (tokens.router, accounts.router, operators.router, keys.router)
