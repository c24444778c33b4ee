// Tensors to commit to, from files and from directories of `reshape`.
#include "assay/pipeline.h"
#include "base/try.h"
#include "pipeline/directory_json.h"

namespace assay::pipeline {
namespace {

namespace fs = std::filesystem;

// The directory says itself what its integers are.
Result<claim::Subject> read_cube(const fs::path& path, const claim::SubjectOptions& options) {
  if (options.encoding || options.layout || options.axes)
    return Error{ErrorCode::kMismatch, path.string(),
                 "a directory of reshape has its own encoding, layout and axes: choose none"};
  Hypercube cube = ASSAY_TRY(read_hypercube(path));
  const claim::CaptureMode mode = options.capture_mode.value_or(claim::CaptureMode::kUnknown);
  return claim::Subject{
      {std::move(cube.layout), cube.encoding.value_or(encode::Encoding{}), std::nullopt, mode, {}},
      std::move(cube.values)};
}

}  // namespace

Result<claim::Subject> read_subject(const fs::path& path, const claim::SubjectOptions& options) {
  return names_directory(path) ? read_cube(path, options) : claim::read_subject(path, options);
}

Result<claim::Captured> read_captured(const claim::Header& header, const fs::path& path) {
  if (!names_directory(path)) return claim::read_captured(header, path);
  Hypercube cube = ASSAY_TRY(read_hypercube(path));
  if (cube.encoding && *cube.encoding != header.encoding)
    return claim::Captured{{},
                           "it is encoded as " + cube.encoding->to_string() + ", the commitment as " +
                               header.encoding.to_string()};
  if (cube.layout.axes == header.layout.axes) return claim::Captured{std::move(cube.values), {}};
  return claim::Captured{{},
                         "its axes are " + cube.layout.axes.to_string() + ", those of the commitment " +
                             header.layout.axes.to_string()};
}

}  // namespace assay::pipeline
