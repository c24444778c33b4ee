// `assay srs import`, and what `srs dev` and `srs verify` do for the scheme kzg.
#include "verb_srs_kzg.h"

#include <fmt/format.h>

#include "assay/kzg.h"
#include "base/file.h"
#include "base/try.h"
#include "parameters.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct ImportOptions {
  std::string ptau;
  unsigned log_size = 0;
  std::string out;
};

/// The name of the verifier's part; not that of the SRS.
Result<fs::path> key_path_of(const fs::path& out) {
  fs::path path = verifier_key_beside(out);
  if (path == out)
    return Error{ErrorCode::kMalformed, out.string(), "the verifier's part gets this name: end it in .srs"};
  return path;
}

Result<int> report_made(const kzg::VerifierKey& key, const fs::path& srs, const fs::path& key_path,
                        const std::string& warning, const Console& console) {
  std::error_code failure;
  const std::uint64_t bytes = fs::file_size(srs, failure);
  if (failure) return Error{ErrorCode::kIo, srs.string(), failure.message()};
  const std::string digest = to_hex(key.digest());
  Json json;
  json["srs"] = srs.string();
  json["srs_bytes"] = bytes;
  json["vk"] = key_path.string();
  json["vk_bytes"] = key.encode().size();
  json["scheme"] = "kzg";
  json["log_size"] = key.log_size;
  json["num_values"] = key.size();
  json["srs_digest"] = digest;
  json["trust"] = key.label();
  json["warnings"] = {warning};
  return console.report(json, {fmt::format("{}: {} bytes, for vectors of 2^{} values", srs.string(),
                                           grouped(bytes), key.log_size),
                               fmt::format("{}: {} bytes, all that a verifier needs for entries",
                                           key_path.string(), grouped(key.encode().size())),
                               "SRS digest " + digest, fmt::format("trust = {}: {}", key.label(), warning)});
}

Result<int> run_import(const ImportOptions& options, const Console& console) {
  const fs::path key_path = ASSAY_TRY(key_path_of(options.out));
  // Made first: where it cannot be written, nothing is.
  AtomicFile key_file = ASSAY_TRY(AtomicFile::create(key_path));
  const kzg::VerifierKey key = ASSAY_TRY(kzg::import_ptau(options.ptau, options.log_size, options.out));
  ASSAY_TRY(key_file.write(key.encode()));
  ASSAY_TRY(key_file.publish());
  const std::string warning =
      key.published != 0
          ? "the file is the published one; that one of its contributors was honest is for you to believe"
          : "no published file has this digest: whoever made the powers can open a commitment to anything";
  return report_made(key, options.out, key_path, warning, console);
}

}  // namespace

Result<int> run_kzg_dev(unsigned log_size, std::uint64_t seed, const std::string& out,
                        const Console& console) {
  const fs::path key_path = ASSAY_TRY(key_path_of(out));
  AtomicFile key_file = ASSAY_TRY(AtomicFile::create(key_path));
  const kzg::Srs srs = ASSAY_TRY(kzg::Srs::dev(log_size, seed));
  ASSAY_TRY(srs.write(out));
  ASSAY_TRY(key_file.write(srs.verifier_key().encode()));
  ASSAY_TRY(key_file.publish());
  return report_made(srs.verifier_key(), out, key_path,
                     "anybody who knows the seed of a dev SRS can open a commitment to anything", console);
}

Result<int> run_kzg_verify(const std::string& path, const std::string& vk, const Console& console) {
  const kzg::Srs srs = ASSAY_TRY(kzg::Srs::open(path));
  const kzg::VerifierKey& key = srs.verifier_key();
  const Verdict verdict = kzg::verify_srs(srs);
  Json json = json_of(verdict);
  json["scheme"] = "kzg";
  json["log_size"] = key.log_size;
  json["trust"] = key.label();
  json["srs_digest"] = to_hex(key.digest());
  Lines lines(verdict);
  lines.texts.push_back("SRS digest " + to_hex(key.digest()));
  if (verdict.ok()) {
    const std::string shown = "shown: the basis and the powers are those of one secret";
    const std::string not_shown =
        fmt::format("cannot be shown: that nobody knows the secret (the file's own word: {})", key.label());
    json["shown"] = shown;
    json["not_shown"] = not_shown;
    lines.texts.insert(lines.texts.end(), {shown, not_shown});
    if (!vk.empty()) ASSAY_TRY(write_file(vk, key.encode()));
  }
  return console.report(json, lines, exit_code(verdict.outcome()));
}

void add_srs_import(Program& program) {
  const auto [verb, options] = program.add(
      "srs import", "Make parameters of the scheme kzg from a ceremony's .ptau file",
      "assay srs import powersOfTau28_hez_final_16.ptau --log-size 16 --out hez16.srs", run_import);
  verb->add_option("FILE", options.ptau, "the .ptau file, as snarkjs writes it")->required();
  add_option(verb, "--log-size K", options.log_size, "vectors of 2^K values, 1 to the file's power")
      ->required();
  add_option(verb, "--out FILE", options.out, "the SRS; the verifier's part goes beside it, ending in .vk")
      ->required();
}

}  // namespace assay::cli
