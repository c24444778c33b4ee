// The tensor that --tensor names: read, turned into integers, laid out.
#pragma once

#include <filesystem>
#include <string>

#include "assay/claim.h"
#include "assay/tensor.h"

namespace assay::cli {

/// What flags say about a tensor; "" where they say nothing.
struct InputOptions {
  std::string path;
  std::string encoding;
  std::string layout;
  std::string axes;
  std::string capture_mode;
};

/// Integers in the order of the committed tensor, and what they are: all of a header but the SRS digest.
struct InputTensor {
  claim::Header header;
  tensor::IntegerArray values;
};

/// Reads .npy, .safetensors, .pt, or a directory of `reshape`. By default integers are taken as they are (`int`) and floats by their bits; one
/// array keeps its shape (`flat`), several layers get the layout `model`. A capture brings its mode and taps.
/// Errors: those of the readers, of the encoding and of the layout, with the file's name.
[[nodiscard]] Result<InputTensor> load_input(const InputOptions& options);

/// The integers of a file as a commitment's header describes them. One array takes the name of the header's one
/// layer. Errors: as load_input(); kMismatch where the file holds another dtype or other layers.
[[nodiscard]] Result<tensor::IntegerArray> load_input_like(const claim::Header& header,
                                                           const std::filesystem::path& path);

}  // namespace assay::cli
