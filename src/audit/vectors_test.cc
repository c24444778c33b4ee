// Files that vectors/audit/generate.py wrote from the pages alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "assay/audit_challenge.h"
#include "assay/merkle.h"
#include "audit/run_writer.h"
#include "base/dsse.h"
#include "base/file.h"
#include "base/json.h"

namespace assay::audit {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(ASSAY_VECTORS) / "audit";

Bytes bytes_of(const std::string& name) { return read_file(kFolder / name, 1 << 20).value(); }
std::string text_of(const std::string& name) {
  const Bytes bytes = bytes_of(name);
  return {bytes.begin(), bytes.end()};
}
std::string digest_of(const std::string& name) {
  return read_json_file(kFolder / "digests.json", 1 << 16).value()[name].get<std::string>();
}

TEST(Vectors, HeadIsReadAndWritten) {
  const Envelope envelope = Envelope::decode(text_of("run/head"), "head").value();
  EXPECT_EQ(envelope.payload_type, Head::kPayloadType);
  PublicKey key;
  std::ranges::copy(from_hex(digest_of("public_key"), "key").value(), key.begin());
  EXPECT_TRUE(envelope.is_signed_by(key));
  const Head head = Head::decode(envelope.payload, "head").value();
  EXPECT_EQ(head.encode(), envelope.payload);
  EXPECT_EQ(to_hex(head.digest()), digest_of("head"));
  EXPECT_EQ(head.engine, "vectors");
  EXPECT_EQ(head.steps, 2U);
  EXPECT_EQ(head.rows, 12U);
  EXPECT_EQ(head.drops, 1U);
  ASSERT_EQ(head.wires.size(), 4U);
  EXPECT_EQ(head.wires[1], (WireEntry{{0, Role::kK}, RowDtype::kBF16, 4}));
  // The same seed signs the same bytes here: Ed25519 draws nothing.
  std::array<std::uint8_t, 32> seed;
  for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<std::uint8_t>(100 + i);
  EXPECT_EQ(Envelope::sign(envelope.payload_type, envelope.payload, SigningKey::from_seed(seed)), envelope);
}

TEST(Vectors, RequestIsReadAndWritten) {
  const Request request = Request::decode(text_of("request"), "request").value();
  EXPECT_EQ(to_hex(request.digest()), digest_of("request"));
  EXPECT_EQ(request.encode(), text_of("request"));
}

TEST(Vectors, RunIsOpenedWithTheSameBytes) {
  const RunFolder folder = RunFolder::open(kFolder / "run").value();
  const Challenge challenge = Challenge::read(kFolder / "challenge").value();
  EXPECT_EQ(to_hex(challenge.digest()), digest_of("challenge"));
  EXPECT_EQ(challenge.encode(), bytes_of("challenge"));
  EXPECT_EQ(challenge.head, folder.head().digest());
  EXPECT_EQ(open_run(folder, challenge).value(), bytes_of("openings"));
  const Openings openings = Openings::read(kFolder / "openings").value();
  EXPECT_EQ(openings.encode(), bytes_of("openings"));
  ASSERT_EQ(openings.steps.size(), 2U);
  EXPECT_EQ(openings.steps[0].step.drops, 1U);
  EXPECT_EQ(openings.steps[0].rows[4].header.dtype, RowDtype::kDropped);
}

TEST(Vectors, ARunThatIsWrittenHereHasTheirRoots) {
  const RunFolder theirs = RunFolder::open(kFolder / "run").value();
  std::string pattern = (std::filesystem::temp_directory_path() / "assay_audit_XXXXXX").string();
  const std::filesystem::path directory = ::mkdtemp(pattern.data());
  const Head& head = theirs.head();
  internal::RunWriter writer =
      internal::RunWriter::create(directory, {head.request, head.nonce, head.manifest, head.engine}, head.run)
          .value();
  for (const Step& step : theirs.steps()) {
    for (std::uint64_t leaf = 0; leaf < step.row_count(); ++leaf) {
      const Bytes message = theirs.row(step.index, leaf).value();
      RowHeader header = RowHeader::read(ByteSpan(message).first<RowHeader::kBytes>(), "row").value();
      if (header.dtype == RowDtype::kDropped) {
        const WireEntry& entry = head.wires[*find_wire(head.wires, header.wire)];
        header.dtype = entry.dtype;
        header.row_bytes = entry.row_bytes;
        writer.add_row(header, {}, internal::RunWriter::kNowhere);
      } else {
        writer.add_row(header, merkle::leaf_hash(message), writer.append_rows(message).value());
      }
    }
    EXPECT_TRUE(writer.finish_step(step.token).ok());
  }
  EXPECT_EQ(writer.finish(SigningKey::from_seed({1})).value(), head);
  EXPECT_EQ(read_file(directory / "steps", 1 << 20).value(), bytes_of("run/steps"));
  EXPECT_EQ(read_file(directory / "rows", 1 << 20).value(), bytes_of("run/rows"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace assay::audit
