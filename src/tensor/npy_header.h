// The header of an .npy file (numpy.lib.format): magic, version, length, the literal of a Python dict.
#pragma once

#include "tensor/source.h"

namespace assay::tensor {

struct NpyHeader {
  std::string descr;
  Shape shape;
  std::size_t data_offset = 0;
};

inline constexpr std::string_view kNpyMagic = "\x93NUMPY";

/// Errors: kMalformed; kUnsupported (version, Fortran order, structured types); kTooLarge.
[[nodiscard]] Result<NpyHeader> parse_npy_header(const Source& source);

/// Magic to newline, version 1, a multiple of 64 bytes.
[[nodiscard]] Bytes npy_header(std::string_view descr, std::span<const std::uint64_t> shape);

}  // namespace assay::tensor
