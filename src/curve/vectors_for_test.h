// Reads vectors/curve/bn254.json for the tests of this room, and multiplies by the definition.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "assay/curve.h"
#include "base/file.h"
#include "base/json.h"
#include "curve/group.h"
#include "curve/msm_simple.h"
#include "field/backend_portable.h"
#include "field/element.h"

namespace assay::curve {

inline const Json& test_vectors() {
  static const Json document = [] {
    const std::string path = std::string(ASSAY_VECTORS) + "/curve/bn254.json";
    const Bytes bytes = read_file(path, 1 << 20).value();
    return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path).value();
  }();
  return document;
}

/// "0x..." as 32 big-endian bytes.
inline Bytes big_endian_word(const Json& hex) {
  std::string digits = hex.get<std::string>().substr(2);
  digits.insert(0, 64 - digits.size(), '0');
  return from_hex(digits, "vector").value();
}

inline Fr scalar_of(const Json& hex) {
  Bytes bytes = big_endian_word(hex);
  std::reverse(bytes.begin(), bytes.end());
  return Fr::from_bytes_reduced(bytes);
}

inline void append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

inline G1Affine g1_of(const Json& point) {
  if (point.is_null()) return G1Affine::infinity();
  Bytes bytes = big_endian_word(point[0]);
  append(bytes, big_endian_word(point[1]));
  return decode_evm_g1(bytes, "vector").value();
}

inline G2Affine g2_of(const Json& point) {
  if (point.is_null()) return G2Affine::infinity();
  Bytes bytes;
  for (const Json& coordinate : point) {
    append(bytes, big_endian_word(coordinate[1]));
    append(bytes, big_endian_word(coordinate[0]));
  }
  return decode_evm_g2(bytes, "vector").value();
}

inline Fr random_element(std::mt19937_64& random) {
  Bytes bytes(48);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return Fr::from_bytes_reduced(bytes);
}

/// k * p by doubling and adding, one bit after the other.
inline G1Affine double_and_add(const G1Affine& p, const Fr& k) {
  using F = field::Element<field::FpParameters, field::PortableBackend>;
  return store(multiply_vartime(load<F>(p), k.to_scalar().words).to_affine());
}

/// Runs `body` under every kernel of this processor.
template <class Body>
void for_each_kernel(const Body& body) {
  const std::string before(active_kernel());
  for (const std::string_view name : available_kernels()) {
    SCOPED_TRACE(std::string(name));
    ASSERT_TRUE(force_kernel(name).ok());
    body();
  }
  ASSERT_TRUE(force_kernel(before).ok());
}

}  // namespace assay::curve
