"""Proofs that the published library made, or that follow from its description: facts."""

# torch.manual_seed(42); one (5, 16), then ten (16,), bfloat16 randn; a prefill, 3 tokens, k = 4.
README = ["ffd91b422b67ba4b756d", "ffd9cbb89af1862554a0", "ffd9b468dae6e4ab41b6",
          "ffd98064d65830e2af73", "ffd9d20464ea9191f6d7"]  # fmt: skip
README_BASE64 = ["/9kbQitnukt1bQ==", "/9nLuJrxhiVUoA==", "/9m0aNrm5KtBtg==",
                 "/9mAZNZYMOKvcw==", "/9nSBGTqkZH21w=="]  # fmt: skip
# Of the same states times 1.01: exponents, mean, median of the list path.
README_SCALED = [(0, 1.75, 2.0), (0, 2.0, 2.0), (0, 1.25, 1.0), (0, 1.0, 1.0), (0, 2.0, 2.0)]

# torch.manual_seed(69); 32 times (1, 1024) bfloat16 randn; one chunk, k = 128.
CACHE = (
    "ffd9ee888632ebe2fd8c68c26f95efdd7bfd4903d0b1a36d5a20d4b0076dc217aaeb29039f76dbd5b959ef8731f298c7"
    "e50340346cfb171b1f4e5d859c737d95f0240c5ee415a50e904af83b1ea126db8a4df1303adf588a8eb127e3e0b553af"
    "213338da600a8604d5d06c48e1a99cdb6599401a6ec1cbf7858dea9990ee6d4d06c014c0779f739c9c944490c5c6a83f"
    "36c7e4dec841a419404a64a3096399e1402806d320cce401b2f5f0170d2423cbf2fa024fc82dcf90b9dd95d7dedd5ab4"
    "abeca63fac30782f7b2c8d39f61a6234570f86ddf7b656b811baa94e92d1c37f611a0e3210fe712e144e625e358e9f57"
    "eb9ef52136abcf9847d8141a856b00dba1d1"
)

# Of toploc_reference.splitmix_states: seed, lengths, tokens of a chunk, k, prefill, proofs.
SPLITMIX = [
    (1, [192] + [32] * 11, 4, 8, True,
     ["ffd9a712b6de1aaf7666ea896469106880ed", "ffd9421667adcfaa7b64f2777c9856ce9396",
      "ffd9915e4fa65a5ffdf4604bedd9063959c8", "ffd938f46db0f4ac85302335fad1724ae87a"]),
    (2, [24] * 9, 3, 6, False,
     ["ffd9cc01a3340316a9f3634a48e4", "ffd93d0889ed342830f89e4dc372",
      "ffd933a861feaf0f0bf155ffa86c"]),
    (3, [80] + [16] * 7, 3, 4, True,
     ["ffd98b511d9c62c21fd2", "ffd91f2bf943f394b71e", "ffd98fa01c9a5d49ab6f",
      "ffd90b5f23175df79677"]),
    (5, [40] * 8, 2, 10, False,
     ["ffd92b9a9a8a1926718e298a5e27f220c21b350ee94d",
      "ffd94258385b82134bb1f235e80266c22221a682ef93",
      "ffd9d614b934556d32c9b7523551a7935fd61987c2e4",
      "ffd9769a779f595c7f1da79641eb2b2c9fe7404a82fe"]),
]  # fmt: skip
# Of the perturbed states: seed, (exponents, mean, median) on the list path, medians of tensors.
SPLITMIX_PERTURBED = [
    (1, [(1, 4 / 7, 0.0), (1, 12 / 7, 2.0), (0, 1.875, 2.5), (0, 2.0, 2.0)], None),
    (2, [(0, 5 / 6, 0.5), (2, 0.5, 0.0), (1, 0.8, 0.0)], [1.0, 0.0, 0.0]),
    (5, [1.5, 0.0, 0.5, 1.0], [2.0, 0.0, 1.0, 1.0]),
]
# Seed 13, 70,000 values, of which [10] = 0x4480 and [65507] = 0x4500: they meet modulo 65497.
COLLIDING = "ffd840e1ebc241e3b28b6ec6072602fed13c3f1d5b885f6def2c0f2ad55c7b64700b"

# torch.manual_seed(42); (3, 16), then seven (16,): tokens of a chunk, k, proofs.
FIXTURE = [
    (2, 5, ["ffd9c846066ba295bd4990e7", "ffd9a7b91ad21b22c6489b8b", "ffd957228212592cc7aa5c0b",
            "ffd93a478f4efe9fa07dc084", "ffd93fad97d851ba3afeaaf2"]),
    (3, 4, ["ffd926a108c93fe43991", "ffd9313f08e01a52d62f", "ffd962eb5b1d7b6f4519",
            "ffd93fadfc386fe1edec"]),
    (2, 1, ["ffd94039", "ffd9c02b", "ffd9c018", "ffd94034", "ffd94002"]),
]  # fmt: skip

# torch.manual_seed(42); (1000, 5120) bfloat16 randn, 32 tokens, k = 128: SHA-256 of all 32 proofs.
END_TO_END = "fe97bf43ac7751b7a6bff50e0f410f248142471c03b773a365bd2af3199c3ddc"
