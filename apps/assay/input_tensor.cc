#include "input_tensor.h"

#include <fmt/format.h>

#include "base/try.h"

namespace assay::cli {

Result<std::optional<claim::CaptureMode>> parse_capture_mode(const std::string& text) {
  if (text.empty()) return std::optional<claim::CaptureMode>{};
  const std::optional<claim::CaptureMode> mode = claim::capture_mode(text);
  if (mode) return mode;
  return Error{ErrorCode::kMalformed, "--capture-mode",
               fmt::format("'{}' is none of unknown, decode, prefill, recompute", text)};
}

Result<claim::Subject> load_input(const InputOptions& options) {
  claim::SubjectOptions parsed;
  if (!options.encoding.empty())
    parsed.encoding = ASSAY_TRY(encode::Encoding::parse(options.encoding, "--encoding"));
  if (!options.layout.empty()) {
    parsed.layout = encode::layout_kind(options.layout);
    if (!parsed.layout)
      return Error{ErrorCode::kMalformed, "--layout",
                   fmt::format("'{}' is none of flat, cube, model", options.layout)};
  }
  if (!options.axes.empty()) parsed.axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  parsed.capture_mode = ASSAY_TRY(parse_capture_mode(options.capture_mode));
  return pipeline::read_subject(options.path, parsed);
}

}  // namespace assay::cli
