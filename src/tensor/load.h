// Little-endian numbers at any alignment.
#pragma once

#include <bit>
#include <cstring>

#include "assay/base.h"

namespace assay::tensor {

static_assert(std::endian::native == std::endian::little, "views borrow little-endian data as they lie");

template <class T>
T load(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <class T>
T load_at(ByteSpan bytes, std::size_t offset) {
  return load<T>(bytes.data() + offset);
}

template <class T>
void append(Bytes& out, T value) {
  const auto* from = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), from, from + sizeof(T));
}

}  // namespace assay::tensor
