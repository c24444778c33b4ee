// For the room's tests: ceremonies with known secrets, and files of them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "assay/setup.h"
#include "base/file.h"
#include "base/random.h"
#include "setup/chain.h"

namespace assay::setup::test {

inline Axes axes_of(std::vector<std::uint64_t> sizes) { return Axes::from(sizes, "test").value(); }

/// Randomness that a test can repeat: a ChaCha20 stream.
inline World seeded_world(std::uint8_t seed) {
  auto stream = std::make_shared<ChaCha20Stream>(Digest{seed});
  return {[stream](std::span<std::uint8_t> out) -> Status {
            for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(stream->next_u64());
            return {};
          },
          [] { return std::int64_t{0}; }};
}

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
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline Fr power(const Fr& base, std::uint64_t exponent) {
  Fr product = Fr::one();
  for (std::uint64_t i = 0; i < exponent; ++i) product *= base;
  return product;
}

/// A contribution of these secrets, with a proof made as the page says.
inline Contribution contribution_of(const Ceremony& ceremony, std::string name, std::span<const Fr> secrets) {
  const std::vector<G2Affine> bases = ceremony.secrets();
  Contribution out{std::move(name), {}, {}, {}};
  for (std::size_t i = 0; i < bases.size(); ++i) {
    out.secrets.push_back(curve::multiply_vartime(bases[i], secrets[i]));
    out.commitments.push_back(curve::multiply_vartime(bases[i], Fr::from_u64(1000 + i)));
  }
  const std::vector<Fr> c =
      internal::challenges({ceremony.axes, ceremony.contributions.size(), ceremony.digest()}, out);
  for (std::size_t i = 0; i < bases.size(); ++i)
    out.responses.push_back(Fr::from_u64(1000 + i) + c[i] * secrets[i]);
  return out;
}

/// The ceremony with contributions of known secrets: `factors` has a row for each.
inline Ceremony with(Ceremony ceremony, const std::vector<std::vector<Fr>>& factors) {
  for (const std::vector<Fr>& row : factors)
    ceremony.contributions.push_back(
        contribution_of(ceremony, "contributor " + std::to_string(ceremony.contributions.size() + 1), row));
  return ceremony;
}

inline std::string figure(const Verdict& verdict, std::string_view name) {
  const Figure* found = verdict.figure(name);
  return found == nullptr ? "none" : found->to_string();
}

}  // namespace assay::setup::test
