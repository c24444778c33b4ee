// Statements about readings, and their verification.
#pragma once

#include "bindings.h"

namespace assay::python {

void bind_probe_verify(nb::module_& m);

}  // namespace assay::python
