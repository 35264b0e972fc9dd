"""The documents that the program carries: pages, a page for each error text, and the manual made from the commands.

The site with the broken mail may have no internet, so all of it works from the package alone: as plain text in a
terminal, as HTML files that need no server and no script, and as man pages.
"""
