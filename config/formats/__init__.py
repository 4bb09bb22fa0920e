"""How numbers and days are written, in every template and in the admin. See FORMAT_MODULE_PATH."""
