package translate

import _ "embed"

// Prelude is the statements, one macro each, that an engine runs once before translated SQL, after it has
// registered Scalars. They make nothing but macros.
//
//go:embed prelude.sql
var Prelude string
