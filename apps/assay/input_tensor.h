// The tensor that --tensor names, as flags say how to read it.
#pragma once

#include <string>

#include "assay/claim.h"
#include "assay/pipeline.h"

namespace assay::cli {

/// What flags say about a tensor; "" where they say nothing.
struct InputOptions {
  std::string path;
  std::string encoding;
  std::string layout;
  std::string axes;
  std::string capture_mode;
};

/// --capture-mode; none for "". Errors: kMalformed.
[[nodiscard]] Result<std::optional<claim::CaptureMode>> parse_capture_mode(const std::string& text);

/// pipeline::read_subject with the flags' values. Errors: its own; kMalformed, kOutOfRange with the flag's
/// name.
[[nodiscard]] Result<claim::Subject> load_input(const InputOptions& options);

}  // namespace assay::cli
