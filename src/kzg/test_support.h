// For the room's tests: what the definitions say, computed in Fr from a known secret.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "assay/kzg.h"

namespace assay::kzg::test {

inline Fr power(const Fr& base, std::uint64_t exponent) {
  Fr out = Fr::one();
  for (std::uint64_t i = 64; i-- > 0;) {
    out *= out;
    if ((exponent >> i & 1) != 0) out *= base;
  }
  return out;
}

inline G1Affine times_generator(const Fr& k) { return curve::multiply_vartime(G1Affine::generator(), k); }

/// The node of an index, from the definition.
inline Fr node(unsigned log_size, std::uint64_t index) {
  std::uint64_t exponent = 0;
  for (unsigned bit = 0; bit < log_size; ++bit) exponent |= (index >> bit & 1) << (log_size - 1 - bit);
  return power(RootDomain::root(log_size), exponent);
}

/// L_i(x) = prod_{k != i} (x - x_k) / (x_i - x_k), term by term.
inline Fr lagrange(unsigned log_size, std::uint64_t index, const Fr& x) {
  Fr top = Fr::one(), bottom = Fr::one();
  for (std::uint64_t k = 0; k < std::uint64_t{1} << log_size; ++k) {
    if (k == index) continue;
    top *= x - node(log_size, k);
    bottom *= node(log_size, index) - node(log_size, k);
  }
  return top * bottom.inverse();
}

/// p(x), p the polynomial through the values; those that are not given are zero.
inline Fr evaluate(unsigned log_size, IntegerView values, const Fr& x) {
  Fr sum = Fr::zero();
  for (std::size_t i = 0; i < values.size(); ++i)
    sum += Fr::from_scalar(values[i]) * lagrange(log_size, i, x);
  return sum;
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  Fr field() {
    std::array<std::uint8_t, 48> bytes;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine_());
    return Fr::from_bytes_reduced(bytes);
  }
  Digest digest() {
    Digest out;
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
    return out;
  }
  template <class T>
  std::vector<T> words(std::size_t count) {
    std::vector<T> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<T>(engine_()));
    return out;
  }
  std::vector<Scalar> scalars(std::size_t count) {
    std::vector<Scalar> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(field().to_scalar());
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

/// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(info->test_suite_name()) + "_" + info->name();
    for (char& c : name)
      if (c == '/') c = '_';
    path_ = std::filesystem::temp_directory_path() / ("assay_" + name + "_" + std::to_string(getpid()));
    std::filesystem::create_directories(path_);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace assay::kzg::test
