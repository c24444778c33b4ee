// What the bindings of the recorder share.
#pragma once

#include "assay/audit_recorder.h"
#include "bindings.h"

namespace assay::python {

/// The spans of one pass of a model, for all blocks of rows in it.
struct Placement {
  std::vector<audit::Span> spans;
};

/// Throws Failure.
audit::Role to_role(const std::string& name);

}  // namespace assay::python
