// For the room's tests: what the definitions say, computed in Fr from known secrets, and SRS files to tamper
// with.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "assay/pst.h"

namespace assay::pst::test {

inline Axes axes_of(std::vector<std::uint64_t> sizes) { return Axes::from(sizes, "test").value(); }

inline Fr power(const Fr& base, unsigned exponent) {
  Fr product = Fr::one();
  for (unsigned i = 0; i < exponent; ++i) product *= base;
  return product;
}

/// prod_{k != j} (x - k) / (j - k), term by term.
inline Fr lagrange(std::uint32_t n, std::uint32_t j, const Fr& x) {
  Fr top = Fr::one(), bottom = Fr::one();
  for (std::uint32_t k = 0; k < n; ++k) {
    if (k == j) continue;
    top *= x - Fr::from_u64(k);
    bottom *= Fr::from_u64(j) - Fr::from_u64(k);
  }
  return top * bottom.inverse();
}

/// p(point), p the polynomial through the values over the axes first_axis..m-1, by folding the last axis
/// first.
inline Fr evaluate_lagrange(const Axes& axes, IntegerView values, std::span<const Fr> point,
                            std::size_t first_axis = 0) {
  std::vector<Fr> rest;
  for (std::size_t i = 0; i < values.size(); ++i) rest.push_back(Fr::from_scalar(values[i]));
  for (std::size_t axis = axes.count(); axis-- > first_axis;) {
    const std::uint32_t n = axes[axis];
    std::vector<Fr> next(rest.size() / n);
    for (std::uint32_t j = 0; j < n; ++j) {
      const Fr weight = lagrange(n, j, point[axis - first_axis]);
      for (std::size_t k = 0; k < next.size(); ++k) next[k] += weight * rest[k * n + j];
    }
    rest = std::move(next);
  }
  return rest.front();
}

inline G1Affine times_generator(const Fr& k) { return curve::multiply_vartime(G1Affine::generator(), k); }

/// q_i(t) for every axis: (p(z_0.., t_i, ..) - p(z_0.., z_i, t_{i+1}..)) / (t_i - z_i).
inline Opening opening_of(const Axes& axes, std::span<const Fr> secrets, IntegerView values,
                          std::span<const Fr> point) {
  Opening opening;
  std::vector<Fr> mixed(secrets.begin(), secrets.end());
  for (std::size_t i = 0; i < axes.count(); ++i) {
    const Fr before = evaluate_lagrange(axes, values, mixed);
    mixed[i] = point[i];
    const Fr after = evaluate_lagrange(axes, values, mixed);
    opening.quotients.push_back(times_generator((before - after) * (secrets[i] - point[i]).inverse()));
  }
  opening.value = evaluate_lagrange(axes, values, mixed);
  return opening;
}

inline std::vector<Fr> to_fr(std::span<const std::uint32_t> coordinates) {
  std::vector<Fr> point;
  for (const std::uint32_t z : coordinates) point.push_back(Fr::from_u64(z));
  return point;
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
  std::vector<Fr> fields(std::size_t count) {
    std::vector<Fr> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(field());
    return out;
  }

  /// A signed integer of up to `bits` bits of magnitude.
  Scalar integer(unsigned bits) {
    std::array<std::uint64_t, 4> words{};
    for (unsigned i = 0; i < bits; ++i) words[i / 64] |= (engine_() & 1) << (i % 64);
    return Scalar::from_magnitude((engine_() & 1) != 0, words, "test").value();
  }
  std::vector<Scalar> integers(std::size_t count, unsigned bits) {
    std::vector<Scalar> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(integer(bits));
    return out;
  }
  template <class T>
  std::vector<T> words(std::size_t count) {
    std::vector<T> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<T>(engine_()));
    return out;
  }

  std::vector<std::uint32_t> grid_point(const Axes& axes) {
    std::vector<std::uint32_t> point;
    for (const std::uint32_t n : axes.sizes()) point.push_back(static_cast<std::uint32_t>(below(n)));
    return point;
  }

 private:
  std::mt19937_64 engine_;
};

/// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() / ("assay_" + std::string(info->test_suite_name()) + "_" +
                                                      info->name() + "_" + std::to_string(getpid()));
    std::filesystem::create_directories(path_);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::vector<std::vector<G1Affine>> points_of(const Srs& srs) {
  std::vector<std::vector<G1Affine>> levels;
  for (std::size_t i = 0; i < srs.axes().count(); ++i)
    levels.emplace_back(srs.level(i).begin(), srs.level(i).end());
  return levels;
}

}  // namespace assay::pst::test
