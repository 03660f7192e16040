// What c2pa-ts, an implementation of C2PA in TypeScript, finds in the PNG and JPEG files that it is given: JSON lines.
import { readFileSync } from 'node:fs';
import { JPEG, PNG } from '@trustnxt/c2pa-ts/asset';
import { SuperBox } from '@trustnxt/c2pa-ts/jumbf';
import { ManifestStore, ValidationResult } from '@trustnxt/c2pa-ts/manifest';

for (const path of process.argv.slice(2)) {
    const data = new Uint8Array(readFileSync(path));
    const asset = JPEG.canRead(data) ? new JPEG(data) : new PNG(data);
    const store = asset.getManifestJUMBF();
    let result = null;
    if (store) {
        try {
            result = await ManifestStore.read(SuperBox.fromBuffer(store)).validate(asset);
        } catch (error) {
            result = ValidationResult.fromError(error);
        }
    }
    const codes = (result?.statusEntries ?? []).map((entry) => [entry.code, entry.success]);
    console.log(JSON.stringify({ found: result !== null, valid: result?.isValid ?? false, codes }));
}
