// For the tests of the recorder: rows whose bytes say what they are, and a folder for what is recorded.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <span>

#include "assay/audit_recorder.h"
#include "audit/test_support.h"

namespace assay::audit::test {

inline constexpr Wire kResidual{0, Role::kResidual};
inline constexpr Wire kGate{0, Role::kGate};
inline constexpr std::uint64_t kRowBytes = 8;

/// Rows whose bytes say what they are.
inline Bytes rows_of(std::uint64_t count, std::uint8_t mark) {
  Bytes bytes;
  for (std::uint64_t i = 0; i < count; ++i)
    for (std::uint8_t j = 0; j < kRowBytes; ++j)
      bytes.push_back(static_cast<std::uint8_t>(mark + 16 * i + j));
  return bytes;
}

class RecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string pem = encode_signing_key(provider_key());
    const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(pem.data()), pem.size());
    ASSERT_TRUE(write_private_file(key(), bytes, AtomicFile::Existing::kKeep).ok());
    options_.folder = directory_ / "log";
    options_.memory_bytes = 1 << 20;
  }
  [[nodiscard]] std::filesystem::path key() const { return directory_ / "key"; }

  std::unique_ptr<Recorder> open() { return Recorder::open(options_).value(); }
  static std::uint64_t begin(Recorder& recorder) {
    RunOptions run;
    run.request.fill(1);
    run.nonce.fill(2);
    run.manifest.fill(3);
    run.engine = "tests";
    return recorder.begin_run(run).value();
  }
  static void record(Recorder& recorder, const Wire& wire, const Span& span, std::uint8_t mark) {
    const Bytes rows = rows_of(span.first_row + span.rows, mark);
    recorder.record(wire, RowDtype::kBF16, rows.data(), span.first_row + span.rows, kRowBytes,
                    std::span(&span, 1));
  }
  RunFolder finish(Recorder& recorder, std::uint64_t run) {
    const std::filesystem::path folder = recorder.folder_of(run).value();
    EXPECT_TRUE(recorder.finish_run(run, key()).ok());
    return RunFolder::open(folder).value();
  }
  /// What follows the header in the row of a leaf.
  static Bytes row(const RunFolder& folder, std::uint64_t step, std::uint64_t leaf) {
    const Bytes message = folder.row(step, leaf).value();
    return {message.begin() + RowHeader::kBytes, message.end()};
  }

  tensor::TempDir directory_;
  Recorder::Options options_;
};

}  // namespace assay::audit::test
