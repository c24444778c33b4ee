// The tensor that --tensor names: read, turned into integers, laid out.
#pragma once

#include <filesystem>
#include <string>

#include "assay/claim.h"

namespace assay::cli {

/// What flags say about a tensor; "" where they say nothing.
struct InputOptions {
  std::string path;
  std::string encoding;
  std::string layout;
  std::string axes;
  std::string capture_mode;
};

/// --capture-mode; unknown for "". Errors: kMalformed.
[[nodiscard]] Result<claim::CaptureMode> parse_capture_mode(const std::string& text);

/// Reads .npy, .safetensors, .pt (see claim::read_subject for the defaults) or a directory of `reshape`.
/// Errors: those of the readers, of the encoding and of the layout, with the file's name; kMismatch for flags
/// that contradict what the file says about itself.
[[nodiscard]] Result<claim::Subject> load_input(const InputOptions& options);

/// The integers of a file as a commitment's header describes them, or the committed integers themselves where
/// the file holds one array of them in the committed axes. Errors: as load_input(); kMismatch where the file
/// holds another dtype or other layers. One array may have any name.
[[nodiscard]] Result<tensor::IntegerArray> load_input_like(const claim::Header& header,
                                                           const std::filesystem::path& path);

}  // namespace assay::cli
