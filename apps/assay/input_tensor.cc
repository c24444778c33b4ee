#include "input_tensor.h"

#include <fmt/format.h>

#include <algorithm>

#include "arguments.h"
#include "base/try.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;
using tensor::Encoding;
using tensor::Layout;
using tensor::TensorFile;

Error bad(ErrorCode code, const fs::path& path, std::string reason) {
  return {code, path.string(), std::move(reason)};
}

bool names_directory(const fs::path& path) {
  std::error_code failure;
  return fs::is_directory(path, failure);
}

Result<claim::Subject> read_in_file(const fs::path& path, const claim::SubjectOptions& options) {
  Result<claim::Subject> subject = claim::read_subject(path, options);
  if (!subject.ok()) return within_file(path, subject.error());
  return subject;
}

Result<claim::SubjectOptions> parse_options(const InputOptions& options) {
  claim::SubjectOptions out;
  if (!options.encoding.empty()) out.encoding = ASSAY_TRY(Encoding::parse(options.encoding, "--encoding"));
  if (!options.layout.empty()) {
    out.layout = tensor::layout_kind(options.layout);
    if (!out.layout)
      return Error{ErrorCode::kMalformed, "--layout",
                   fmt::format("'{}' is none of flat, cube, model", options.layout)};
  }
  if (!options.axes.empty()) out.axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  if (!options.capture_mode.empty()) out.capture_mode = ASSAY_TRY(parse_capture_mode(options.capture_mode));
  return out;
}

// A directory of `reshape` says itself what its integers are.
Result<claim::Subject> load_hypercube(const InputOptions& options) {
  for (const std::string* flag : {&options.encoding, &options.layout, &options.axes}) {
    if (!flag->empty())
      return bad(ErrorCode::kMismatch, options.path,
                 "a directory of reshape has its own encoding, layout and axes: leave the flags out");
  }
  const claim::CaptureMode mode = ASSAY_TRY(parse_capture_mode(options.capture_mode));
  tensor::Hypercube cube = ASSAY_TRY(tensor::read_hypercube(options.path));
  return claim::Subject{
      std::move(cube.layout), cube.encoding.value_or(Encoding{}), {}, mode, std::move(cube.values)};
}

// The mode is part of what is committed to: a flag does not overrule what the capture recorded.
Status check_mode(const InputOptions& options) {
  if (options.capture_mode.empty()) return {};
  const TensorFile file = ASSAY_TRY(tensor::open(options.path));
  const std::string_view held = file.metadata_value("capture_mode");
  if (held.empty() || held == options.capture_mode) return {};
  return bad(ErrorCode::kMismatch, options.path,
             fmt::format("a capture of mode {}: leave --capture-mode {} out", held, options.capture_mode));
}

bool has_shape(std::span<const std::uint64_t> shape, const Axes& axes) {
  return std::equal(shape.begin(), shape.end(), axes.sizes().begin(), axes.sizes().end());
}

// One array of integers in the committed axes, where the layout had to make these axes first.
bool is_committed_tensor(const TensorFile& file, const Layout& layout) {
  if (layout.kind == Layout::Kind::kFlat) return false;
  if (!file.integer_tensors.empty()) return has_shape(file.integer_tensors[0].shape, layout.axes);
  return file.tensors.size() == 1 && !tensor::is_float(file.tensors[0].dtype) &&
         has_shape(file.tensors[0].shape, layout.axes);
}

claim::SubjectOptions options_of(const claim::Header& header) {
  const Layout& layout = header.layout;
  claim::SubjectOptions options;
  options.encoding = header.encoding;
  options.layout = layout.kind;
  if (layout.kind == Layout::Kind::kFlat) options.axes = layout.axes;
  if (layout.kind == Layout::Kind::kCube)
    options.cube = {layout.axes[0], layout.axes[0], static_cast<std::uint32_t>(layout.axes.count()),
                    layout.pad_seed};
  return options;
}

bool same_layers(const Layout& a, const Layout& b) {
  return a.axes == b.axes && std::ranges::equal(a.layer_map, b.layer_map, [&a](const auto& x, const auto& y) {
           return x.original_shape == y.original_shape && (x.name == y.name || a.layer_map.size() == 1);
         });
}

}  // namespace

Result<claim::CaptureMode> parse_capture_mode(const std::string& text) {
  if (text.empty()) return claim::CaptureMode::kUnknown;
  const auto mode = claim::capture_mode(text);
  if (mode) return *mode;
  return Error{ErrorCode::kMalformed, "--capture-mode",
               fmt::format("'{}' is none of unknown, decode, prefill, recompute", text)};
}

Result<claim::Subject> load_input(const InputOptions& options) {
  if (names_directory(options.path)) return load_hypercube(options);
  const claim::SubjectOptions parsed = ASSAY_TRY(parse_options(options));
  ASSAY_TRY(check_mode(options));
  return read_in_file(options.path, parsed);
}

Result<tensor::IntegerArray> load_input_like(const claim::Header& header, const fs::path& path) {
  if (names_directory(path)) return ASSAY_TRY(tensor::read_hypercube(path)).values;
  if (is_committed_tensor(ASSAY_TRY(tensor::open(path)), header.layout)) {
    claim::SubjectOptions as_it_is;
    as_it_is.encoding = Encoding{};
    return ASSAY_TRY(read_in_file(path, as_it_is)).values;
  }
  const claim::Subject subject = ASSAY_TRY(read_in_file(path, options_of(header)));
  if (subject.dtype && header.dtype && *subject.dtype != *header.dtype)
    return bad(ErrorCode::kMismatch, path,
               fmt::format("holds {}, the commitment is to {}", tensor::torch_name(*subject.dtype),
                           tensor::torch_name(*header.dtype)));
  if (!same_layers(subject.layout, header.layout))
    return bad(ErrorCode::kMismatch, path,
               fmt::format("its layers are not those of the commitment, whose axes are {}",
                           header.layout.axes.to_string()));
  return subject.values;
}

}  // namespace assay::cli
