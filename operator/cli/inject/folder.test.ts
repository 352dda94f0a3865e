/** Folders and files that mean harm: nothing outside of the folder is read or written, and nothing is waited for. */
import { execFile } from 'node:child_process';
import {
	link,
	mkdir,
	mkdtemp,
	readdir,
	readFile,
	rename,
	rm,
	stat,
	symlink,
	truncate,
	writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { CommandError } from '../command-error.ts';
import { readNamed } from '../files.ts';
import { type FolderFile, readFolder } from './folder.ts';
import { replaceFile } from './replace-file.ts';

const run = promisify(execFile);
let base: string;
test.before(async () => {
	base = await mkdtemp(join(tmpdir(), 'meshwright-folder-'));
});
test.after.always(() => rm(base, { recursive: true, force: true }));

/** A folder with these files, by their paths. */
async function folderOf(name: string, files: Readonly<Record<string, string>>): Promise<string> {
	const folder = join(base, name);
	await mkdir(folder, { recursive: true });
	for (const [path, text] of Object.entries(files)) {
		await mkdir(dirname(join(folder, path)), { recursive: true });
		await writeFile(join(folder, path), text);
	}
	return folder;
}

async function read(folder: string) {
	const { files, notes } = await readFolder(folder);
	return {
		texts: Object.fromEntries(files.map(({ path, bytes }) => [relative(folder, path), bytes.toString()])),
		notes: notes.map((note) => note.replaceAll(`${folder}/`, '')),
	};
}

const failure = async (promise: Promise<unknown>): Promise<string> => {
	try {
		await promise;
		return '';
	} catch (error) {
		if (!(error instanceof CommandError)) throw error;
		return error.message;
	}
};

test('files and those of subfolders are read in the order of their names; other names are not', async (t) => {
	const folder = await folderOf('plain', {
		'b.yaml': 'b',
		'a/z.yml': 'z',
		'a/y.json': '{}',
		'c.txt': 'c',
		'd.YAML': 'd',
	});
	const { texts, notes } = await read(folder);
	t.deepEqual(Object.keys(texts), ['a/y.json', 'a/z.yml', 'b.yaml', 'd.YAML']);
	t.deepEqual(notes, []);
	// As many people type it.
	t.is((await readFolder(`${folder}/`)).files.length, 4);
	t.is((await readFolder(relative(process.cwd(), folder))).files.length, 4);
});

test('links are followed inside of the folder alone, to regular files', async (t) => {
	await folderOf('secrets', { 'key.yaml': 'secret' });
	const folder = await folderOf('links', { 'a.yaml': 'a', 'b.txt': 'b', 'sub/c.yaml': 'c' });
	const links: Readonly<Record<string, string>> = {
		'out.yaml': '../secrets/key.yaml',
		'absolute.yaml': join(base, 'secrets/key.yaml'),
		'same.yaml': 'a.yaml',
		'text.yaml': 'b.txt',
		'none.yaml': 'nothing.yaml',
		'loop1.yaml': 'loop2.yaml',
		'loop2.yaml': 'loop1.yaml',
		'folder.yaml': 'sub',
		'device.yaml': '/dev/zero',
		'process.yaml': '/proc/self/environ',
		around: '..',
		outside: '../secrets',
		'sub/up': '..',
	};
	for (const [path, target] of Object.entries(links)) await symlink(target, join(folder, path));
	const { texts, notes } = await read(folder);
	t.deepEqual(texts, { 'a.yaml': 'a', 'sub/c.yaml': 'c', 'text.yaml': 'b' });
	t.deepEqual(notes.sort(), [
		'absolute.yaml is left out: it is a link out of the folder',
		'device.yaml is left out: it is a link out of the folder',
		'folder.yaml is left out: it is no regular file',
		'loop1.yaml is left out: it is a link that leads nowhere',
		'loop2.yaml is left out: it is a link that leads nowhere',
		'none.yaml is left out: it is a link that leads nowhere',
		'out.yaml is left out: it is a link out of the folder',
		'process.yaml is left out: it is a link out of the folder',
		'same.yaml is left out: it is a link to a.yaml',
	]);
});

test('a folder whose name begins like that of another is another', async (t) => {
	await folderOf('near-secret', { 'key.yaml': 'secret' });
	const folder = await folderOf('near', { 'a.yaml': 'a' });
	await symlink('../near-secret/key.yaml', join(folder, 'x.yaml'));
	t.deepEqual((await read(folder)).texts, { 'a.yaml': 'a' });
});

test('a folder that is named by a link is read; pipes and sockets in it are left out, and nobody waits for them', async (t) => {
	const folder = await folderOf('special', { 'a.yaml': 'a' });
	await run('mkfifo', [join(folder, 'pipe.yaml')]);
	const server = createServer().listen(join(folder, 'socket.yaml'));
	t.teardown(() => server.close());
	await symlink(folder, join(base, 'special-link'));
	const { texts, notes } = await read(join(base, 'special-link'));
	t.deepEqual(texts, { 'a.yaml': 'a' });
	t.deepEqual(notes, [
		'pipe.yaml is left out: it is no regular file',
		'socket.yaml is left out: it is no regular file',
	]);
});

test('what is too long, too deep or not there is told', async (t) => {
	const long = await folderOf('long', { 'a.yaml': 'a' });
	await truncate(join(long, 'a.yaml'), 8 * 2 ** 20 + 1);
	t.regex(await failure(readFolder(long)), /long\/a\.yaml is longer than 8 MiB$/);
	const many = await folderOf(
		'many',
		Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`${index}.yaml`, ''])),
	);
	for (let index = 0; index < 9; index++) await truncate(join(many, `${index}.yaml`), 8 * 2 ** 20);
	t.regex(await failure(readFolder(many)), /many are longer than 64 MiB together$/);
	const deep = await folderOf('deep', { [`${'a/'.repeat(40)}b.yaml`]: 'b' });
	t.regex(await failure(readFolder(deep)), /is more than 32 folders deep$/);
	t.regex(await failure(readFolder(join(base, 'nothing'))), /nothing does not exist$/);
	t.regex(await failure(readFolder(await folderOf('empty', {}))), /there is no manifest below .*empty$/);
});

async function onlyFile(name: string): Promise<FolderFile> {
	const { files } = await readFolder(await folderOf(name, { 'a.yaml': 'before' }));
	const [file] = files;
	if (file === undefined) throw new Error('the file was not read');
	return file;
}

test('a file is replaced with its mode, and nothing is left beside it', async (t) => {
	const { path, target, stats } = await onlyFile('write');
	await replaceFile(path, target, stats, Buffer.from('after'));
	t.is(await readFile(path, 'utf8'), 'after');
	t.is((await stat(path)).mode, stats.mode);
	t.deepEqual(await readdir(dirname(path)), ['a.yaml']);
});

test('what came in the place of a file since it was read is never written', async (t) => {
	const victim = join(await folderOf('victim', { 'a.yaml': 'victim' }), 'a.yaml');
	const changes: Readonly<Record<string, (path: string) => Promise<void>>> = {
		'a link': async (path) => {
			await rm(path);
			await symlink(victim, path);
		},
		'another file': async (path) => {
			await writeFile(`${path}.new`, 'other');
			await rename(`${path}.new`, path);
		},
		'another text': async (path) => {
			await writeFile(path, 'edited');
		},
		nothing: (path) => rm(path),
		'a link in place of its folder': async (path) => {
			await rename(dirname(path), `${dirname(path)}.old`);
			await symlink(dirname(victim), dirname(path));
		},
	};
	for (const [title, change] of Object.entries(changes)) {
		const { path, target, stats } = await onlyFile(`race-${title.replaceAll(' ', '-')}`);
		await change(path);
		t.regex(
			await failure(replaceFile(path, target, stats, Buffer.from('after'))),
			/was replaced since|can’t be written/,
			title,
		);
		t.is(await readFile(victim, 'utf8'), 'victim', title);
		t.deepEqual(await readdir(dirname(victim)), ['a.yaml'], title);
	}
});

test('another name of a file keeps its text', async (t) => {
	const { path, target, stats } = await onlyFile('hard');
	await link(path, join(base, 'other-name'));
	await replaceFile(path, target, { ...stats, nlink: 2 }, Buffer.from('after'));
	t.is(await readFile(join(base, 'other-name'), 'utf8'), 'before');
});

test('what is named is read up to a length, also from what never ends', async (t) => {
	t.regex(await failure(readNamed('/dev/zero')), /^\/dev\/zero is longer than 8 MiB$/);
	t.regex(await failure(readNamed(base)), /is a folder$/);
	const pipe = join(base, 'pipe');
	await run('mkfifo', [pipe]);
	const [bytes] = await Promise.all([readNamed(pipe), writeFile(pipe, 'text')]);
	t.is(bytes.toString(), 'text');
});
