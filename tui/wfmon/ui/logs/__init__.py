"""Reading a log: what is loaded, where one is in it, what is looked for, and how it is drawn."""
